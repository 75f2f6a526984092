//! Reading: the catalogue and the sessions. Whoever still has a session is not gone.

use super::catalogue::{self, Found};
use super::grant::{in_the_way, read, standing};
use super::settings::Place;
use super::{Answers, Postgres, answer};
use crate::provision::contract::{Fault, Observation, Presence};
use crate::text::words::safe_line;
use std::fmt::Write as _;

/// What is there, in one line.
pub(super) fn evidence(role: &Found, sessions: Option<u32>) -> String {
    let mut line =
        format!("role {}: in the catalogue, {}", role.name, if role.login { "may sign in" } else { "may not sign in" });
    if let Some(until) = role.until {
        let _ = write!(line, " until {}", until.utc().format("%Y-%m-%dT%H:%M:%SZ"));
    }
    let _ = write!(line, ", {} sessions", sessions.unwrap_or(0));
    line
}

impl Postgres {
    pub(super) async fn observe_all(
        &self,
        places: &[(usize, Place)],
        answers: &mut Answers<Observation>,
    ) -> Result<(), Fault> {
        let mut conn = self.link.open().await?;
        let found = read(&mut conn, places).await?;
        let standing = standing(&mut conn, places).await?;
        let mut oids: Vec<i64> = found.all().iter().map(|role| role.oid).collect();
        oids.extend(places.iter().flat_map(|(_, place)| self.remembered(&place.mark)));
        // Read after the roles: what was dropped by then can have no new session.
        let sessions = catalogue::sessions(&mut conn, &oids).await?;
        conn.give_back();
        for (at, place) in places {
            let ours: Vec<&Found> = found.of(place).collect();
            let of = ours.iter().map(|role| role.oid).chain(self.remembered(&place.mark));
            let count: u32 = of.filter_map(|oid| sessions.get(&oid)).sum();
            let foreign = in_the_way(place, &found, &standing);
            let (presence, line) = match (ours.first(), &foreign) {
                (Some(role), _) => (Presence::Present, evidence(role, Some(count))),
                (None, Some(what)) => (Presence::Present, format!("{what} is there and is not ours")),
                (None, None) => {
                    let line = match &place.login {
                        None => format!("role {}: not in the catalogue, {count} sessions", place.name),
                        Some(login) => format!(
                            "role {login}: not a member of {}, {}: not in the catalogue, {count} sessions",
                            place.member_of, place.name
                        ),
                    };
                    (if count > 0 { Presence::Present } else { Presence::Absent }, line)
                }
            };
            let seen = Observation {
                presence,
                until: ours.first().and_then(|role| role.until),
                sessions: (place.login.is_none() || self.settings.end_sessions).then_some(count),
                evidence: safe_line(line.as_bytes()),
                ours: !ours.is_empty() || foreign.is_none(),
            };
            answer(answers, *at, Ok(seen));
        }
        Ok(())
    }
}
