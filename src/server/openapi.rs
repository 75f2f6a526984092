//! The description of all routes, made from the routes themselves: a route that is not described cannot be reached.

use super::desk::Desk;
use super::{audit, board, health, login, policy, reading, requests};
use crate::wire::Problem;
use axum::Router;
use axum::http::header;
use axum::routing::get;
use std::sync::LazyLock;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ComponentsBuilder, ContentBuilder, InfoBuilder, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa::{PartialSchema, ToSchema};
use utoipa_axum::router::OpenApiRouter;

/// The description. Few ask for it, so it is made when somebody does.
static TEXT: LazyLock<String> = LazyLock::new(|| whole(groups().into_openapi()).to_json().unwrap_or_default());

/// The routes, and their description at `/v1/openapi.json`.
pub fn described() -> Router<Desk> {
    let text = || async { ([(header::CONTENT_TYPE, "application/json")], TEXT.as_str()) };
    Router::from(groups()).route("/v1/openapi.json", get(text))
}

fn groups() -> OpenApiRouter<Desk> {
    OpenApiRouter::new()
        .merge(requests::routes())
        .merge(reading::routes())
        .merge(board::routes())
        .merge(audit::routes())
        .merge(policy::routes())
        .merge(login::routes())
        .merge(health::routes())
}

/// What holds for every route is said once, here.
fn whole(mut api: OpenApi) -> OpenApi {
    api.info = InfoBuilder::new()
        .title("nightlatch")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Every answer carries server_now and head, the sequence number of the last event. A command takes a fresh \
             Idempotency-Key and may be sent again under it. Nightlatch-Seen makes a replica wait until it has seen as much.",
        ))
        .build();
    api.servers = None;
    let bearer = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    let mut components = ComponentsBuilder::from(api.components.take().unwrap_or_default())
        .security_scheme("token", bearer)
        .schema(Problem::name(), Problem::schema());
    let mut schemas = Vec::new();
    <Problem as ToSchema>::schemas(&mut schemas);
    for (name, schema) in schemas {
        components = components.schema(name, schema);
    }
    api.components = Some(components.build());
    api.security = Some(vec![SecurityRequirement::new("token", [""; 0])]);
    let problem = ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
    let no =
        ResponseBuilder::new().description("no, with its cure").content("application/problem+json", problem).build();
    for item in api.paths.paths.values_mut() {
        for operation in [&mut item.get, &mut item.post].into_iter().flatten() {
            operation.responses.responses.insert("default".to_owned(), RefOr::T(no.clone()));
        }
    }
    api
}
