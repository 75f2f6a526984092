//! How the words of lower floors look in the HTTP description: those floors know nothing of it.

use crate::access::event::SendBackCode;
use crate::access::may::May;
use crate::access::{Status, Via};
use crate::checks::Check;
use crate::policy::{Capacity, Kind};
use crate::text::Instant;
use std::borrow::Cow;
use utoipa::openapi::schema::{KnownFormat, SchemaFormat, Type};
use utoipa::openapi::{Object, ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

fn word(says: &str) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String).description(Some(says))
}

fn words<const N: usize>(says: &str, all: [&str; N]) -> ObjectBuilder {
    word(says).enum_values(Some(all))
}

fn fields(says: &str, names: &[&str]) -> ObjectBuilder {
    let field =
        |built: ObjectBuilder, name: &&str| built.property(*name, Object::with_type(Type::String)).required(*name);
    names.iter().fold(ObjectBuilder::new(), field).description(Some(says))
}

macro_rules! seen_as {
    ($($type:ident: $schema:expr;)*) => {$(
        impl PartialSchema for $type {
            fn schema() -> RefOr<Schema> {
                $schema.build().into()
            }
        }
        impl ToSchema for $type {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($type))
            }
        }
    )*};
}

seen_as! {
    Instant: word("an instant, RFC 3339").format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    Status: word("where a request stands").enum_values(Some(Status::ALL.iter().map(|status| status.word())));
    Via: words("the way in", ["socket", "token", "session", "chat", "replica", "shell"]);
    Kind: words("what sort of request", ["emergency", "planned", "day"]);
    Capacity: words("as what somebody decides", ["owner", "backup", "lead", "escalation"]);
    SendBackCode: words(
        "why a request is sent back",
        ["vague-task", "no-end", "broad-role", "long-window", "old-ticket", "wrong-user", "wrong-approver", "other"],
    );
    Check: fields("a check's finding: verdict is pass, warn or fail", &["code", "verdict", "sentence"]);
    May: fields("a verb, what it asks for first, and why not, if not", &["verb", "guard"])
        .property("refusal", fields("why not", &["code", "sentence", "hint"]));
}
