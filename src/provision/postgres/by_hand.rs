//! The SQL that a person types to do it without us.

use super::link::{ident, literal};
use super::settings::Settings;
use crate::provision::contract::Spec;
use crate::text::words::shell;

/// One `psql` with everything in order; it stops at the first fault. It asks for the password by itself.
pub(super) fn command(settings: &Settings, spec: &Spec) -> String {
    let Ok(place) = settings.place(spec) else {
        return "psql -c '\\du nl-*'".to_owned();
    };
    let name = ident(&place.name);
    let whose = place.login.as_ref().unwrap_or(&place.name);
    let end = format!(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE usename = {}",
        literal(whose)
    );
    let mut steps = Vec::new();
    match &place.login {
        None => steps.extend([format!("ALTER ROLE {name} NOLOGIN PASSWORD NULL"), end]),
        Some(login) => {
            steps.push(format!("REVOKE {name} FROM {}", ident(login)));
            if settings.end_sessions {
                steps.push(end);
            }
        }
    }
    if let Some(to) = &place.reassign_to {
        steps.push(format!("GRANT {name} TO CURRENT_USER"));
        steps.push(format!("REASSIGN OWNED BY {name} TO {}", ident(to)));
        steps.push(format!("DROP OWNED BY {name}"));
    }
    if place.reassign_to.is_some() {
        steps.push("\\echo if something is left in another database, run this with its dbname first".to_owned());
    }
    steps.push(format!("DROP ROLE {name}"));
    let steps: Vec<String> = steps.iter().map(|step| format!("-c {}", shell(step))).collect();
    format!("psql -X -v ON_ERROR_STOP=1 -d {} {}", shell(&settings.shown), steps.join(" "))
}
