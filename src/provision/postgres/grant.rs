//! Giving: the role is made, or its end is moved; a batch in one transaction, split where it fails.

use super::catalogue::{self, Found, Roles, Standing};
use super::link::{Conn, DENIED, Failure, ident, literal};
use super::settings::Place;
use super::{Answers, Postgres, answer};
use crate::provision::contract::{Fault, Granted};
use crate::text::words::safe_line;
use std::collections::HashMap;
use std::fmt::Write as _;

/// How many are given in one transaction.
const SIZE: usize = 1000;

impl Postgres {
    pub(super) async fn grant_all(
        &self,
        places: &[(usize, Place)],
        answers: &mut Answers<Granted>,
    ) -> Result<(), Fault> {
        let mut conn = self.link.open().await?;
        let found = read(&mut conn, places).await?;
        let standing = standing(&mut conn, places).await?;
        let oids: Vec<i64> = found.all().iter().map(|role| role.oid).collect();
        let groups = catalogue::groups(&mut conn, &oids).await?;
        let members = catalogue::members(&mut conn, &oids).await?;
        let mut work = Vec::new();
        for (at, place) in places {
            if let Some(fault) = refused(place, &found, &standing) {
                answer(answers, *at, Err(fault));
                continue;
            }
            let Some(role) = found.of(place).next() else {
                work.push((*at, made(place)));
                continue;
            };
            let held = groups.get(&role.oid).map(Vec::as_slice).unwrap_or_default();
            let holders = members.get(&role.oid).map(Vec::as_slice).unwrap_or_default();
            work.push((*at, moved(place, role, held, holders)));
        }
        let second_lock = places.first().is_some_and(|(_, place)| place.login.is_none());
        let needed: HashMap<usize, &str> = places.iter().map(|(at, place)| (*at, place.member_of.as_str())).collect();
        let me = ident(&self.settings.own);
        let mut done = |at: usize, said: Result<(), Fault>| {
            let said = said.map_err(|fault| {
                let group = ident(needed.get(&at).copied().unwrap_or_default());
                cured(fault, || format!("GRANT {group} TO {me} WITH ADMIN OPTION"))
            });
            answer(answers, at, said.map(|()| Granted { second_lock }));
        };
        conn.each(&work, SIZE, &mut done).await?;
        conn.give_back();
        Ok(())
    }
}

/// The roles of these places, and whatever stands in their way.
pub(super) async fn read(conn: &mut Conn<'_>, places: &[(usize, Place)]) -> Result<Roles, Failure> {
    let names: Vec<String> = places.iter().map(|(_, place)| place.name.clone()).collect();
    let said: Vec<String> = places.iter().map(|(_, place)| place.said.clone()).collect();
    catalogue::find(conn, &names, &said).await
}

/// What the logins of these places have without us.
pub(super) async fn standing(conn: &mut Conn<'_>, places: &[(usize, Place)]) -> Result<Standing, Failure> {
    let logins: Vec<String> = places.iter().filter_map(|(_, place)| place.login.clone()).collect();
    if logins.is_empty() { Ok(Standing::default()) } else { catalogue::standing(conn, &logins).await }
}

/// What is there and not ours, as a sentence.
pub(super) fn in_the_way(place: &Place, found: &Roles, standing: &Standing) -> Option<String> {
    if let Some(login) = &place.login
        && standing.standing.contains(&(login.clone(), place.member_of.clone()))
    {
        return Some(format!("{login} is a member of {} without us: it", place.member_of));
    }
    found.foreign(place).map(|role| format!("role {}", role.name))
}

fn refused(place: &Place, found: &Roles, standing: &Standing) -> Option<Fault> {
    if let Some(what) = in_the_way(place, found, standing) {
        return Some(Fault::lasting(format!("{what} stood there before and is not ours: it is never taken over")));
    }
    match standing.logins.get(place.login.as_ref()?) {
        None => Some(Fault::lasting(format!("there is no role {:?}: make it, or mend login", place.login.as_ref()?))),
        Some(true) => {
            Some(Fault::lasting("the login is a superuser, who needs no role and cannot lose one".to_owned()))
        }
        Some(false) => None,
    }
}

fn made(place: &Place) -> String {
    let name = ident(&place.name);
    let login = if place.login.is_some() { "NOLOGIN" } else { "LOGIN" };
    let mut sql = format!(
        "CREATE ROLE {name} {login} INHERIT NOCREATEROLE NOCREATEDB NOREPLICATION VALID UNTIL {}; \
         COMMENT ON ROLE {name} IS {}; GRANT {} TO {name}",
        until(place),
        literal(&place.said),
        ident(&place.member_of)
    );
    if let Some(login) = &place.login {
        let _ = write!(sql, "; GRANT {name} TO {}", ident(login));
    }
    sql
}

/// As it should be now: its end, its one role, its holder. What is right is not touched.
fn moved(place: &Place, role: &Found, held: &[String], holders: &[(i64, String)]) -> String {
    let name = ident(&role.name);
    let mut sql = match place.login {
        // A removal may have been under way; without a password it opens nothing.
        None => format!("ALTER ROLE {name} LOGIN VALID UNTIL {}", until(place)),
        Some(_) => format!("ALTER ROLE {name} VALID UNTIL {}", until(place)),
    };
    if role.said != place.said {
        let _ = write!(sql, "; COMMENT ON ROLE {name} IS {}", literal(&place.said));
    }
    for other in held.iter().filter(|held| **held != place.member_of) {
        let _ = write!(sql, "; REVOKE {} FROM {name}", ident(other));
    }
    if !held.contains(&place.member_of) {
        let _ = write!(sql, "; GRANT {} TO {name}", ident(&place.member_of));
    }
    if let Some(login) = place.login.as_ref().filter(|login| !holders.iter().any(|(_, holder)| holder == *login)) {
        let _ = write!(sql, "; GRANT {name} TO {}", ident(login));
    }
    sql
}

/// A refusal of the server, with the statement that a superuser runs to be rid of it.
pub(super) fn cured(fault: Fault, cure: impl FnOnce() -> String) -> Fault {
    if !fault.sentence.contains(DENIED) {
        return fault;
    }
    let sentence = format!("{}: {}", fault.sentence, cure());
    Fault { sentence: safe_line(sentence.as_bytes()), ..fault }
}

fn until(place: &Place) -> String {
    literal(&place.until.utc().to_rfc3339())
}

/// What our own role may not do here, a sentence with its cure each.
pub(super) async fn lacks(conn: &mut Conn<'_>) -> Result<Vec<String>, Failure> {
    use sqlx::Row as _;
    let sql = "SELECT current_user::text, rolsuper, rolcreaterole, pg_has_role(current_user, 'pg_signal_backend', 'MEMBER') \
        FROM pg_roles WHERE rolname = current_user";
    let rows = conn.rows(sqlx::query(sql)).await?;
    let Some(row) = rows.first() else { return Ok(vec!["our own role cannot be read".to_owned()]) };
    let is = |at: usize| row.try_get::<bool, _>(at).unwrap_or(false);
    let me = ident(&row.try_get::<String, _>(0).unwrap_or_default());
    let mut lacks = Vec::new();
    if !is(1) && !is(2) {
        lacks.push(format!("our role cannot make roles: ALTER ROLE {me} CREATEROLE"));
    }
    if !is(1) && !is(3) {
        lacks.push(format!("our role cannot end sessions: GRANT pg_signal_backend TO {me}"));
    }
    Ok(lacks)
}
