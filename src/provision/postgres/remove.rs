//! Taking away: no more sign-ins, then the sessions, then what hangs on the role, then the role. Each step is there before
//! the next begins, so that an attempt that was cut short is gone on with by the next one.

use super::catalogue::{self, Found};
use super::grant::{cured, in_the_way, read, standing};
use super::link::{Conn, ident};
use super::settings::Place;
use super::{Answers, Postgres, answer};
use crate::provision::contract::{Fault, Removed};
use crate::text::words::safe_line;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

/// How many roles one transaction changes: all of a batch, for each commit is a wait for the disk.
const SIZE: usize = 1000;
/// How many owners one transaction clears: what was done stays done when time runs out.
const OWNERS: usize = 10;
/// How often sessions are looked at again, each time after a longer pause.
const LOOKS: u32 = 12;
/// How much drift of one kind is told for one grant.
const TOLD: usize = 20;

/// After every session's beginning, on the server's clock in microseconds.
const NEVER: i64 = i64::MAX / 4;

/// What is done for one spec.
struct Work<'a> {
    at: usize,
    place: &'a Place,
    roles: Vec<Found>,
    drift: Vec<String>,
}

impl Work<'_> {
    fn oids(&self) -> impl Iterator<Item = i64> {
        self.roles.iter().map(|role| role.oid)
    }
}

impl Postgres {
    pub(super) async fn remove_all(
        &self,
        places: &[(usize, Place)],
        answers: &mut Answers<Removed>,
    ) -> Result<(), Fault> {
        let mut conn = self.link.open().await?;
        let found = read(&mut conn, places).await?;
        let standing = standing(&mut conn, places).await?;
        let mut work: Vec<Work<'_>> = Vec::new();
        for (at, place) in places {
            let roles: Vec<Found> = found.of(place).cloned().collect();
            if roles.is_empty()
                && let Some(what) = in_the_way(place, &found, &standing)
            {
                let fault = Fault::passing(format!("{what} is not ours, and is never removed by us"));
                answer(answers, *at, Err(fault));
                continue;
            }
            work.push(Work { at: *at, place, roles, drift: Vec::new() });
        }
        let holders = self.shut(&mut conn, &mut work, answers).await?;
        self.cut(&mut conn, &mut work, &holders, answers).await?;
        self.look_for_drift(&mut conn, &mut work).await?;
        self.clear(&mut conn, &mut work, answers).await?;
        self.drop_all(&mut conn, work, answers).await?;
        conn.give_back();
        Ok(())
    }

    /// Nobody signs in by these roles any more, nor takes them on. Says whose sessions may still live on them.
    async fn shut(
        &self,
        conn: &mut Conn<'_>,
        work: &mut Vec<Work<'_>>,
        answers: &mut Answers<Removed>,
    ) -> Result<HashMap<i64, Vec<(i64, String)>>, Fault> {
        let markers = work.iter().filter(|one| one.place.login.is_some());
        let markers: Vec<i64> = markers.flat_map(Work::oids).collect();
        let holders = if markers.is_empty() { HashMap::new() } else { catalogue::members(conn, &markers).await? };
        let shut = |role: &Found| {
            let name = ident(&role.name);
            let mut sql = vec![format!("ALTER ROLE {name} NOLOGIN PASSWORD NULL")];
            let holders = holders.get(&role.oid).map(Vec::as_slice).unwrap_or_default();
            sql.extend(holders.iter().map(|(_, holder)| format!("REVOKE {name} FROM {}", ident(holder))));
            sql.join("; ")
        };
        let items = items(work, |one| one.roles.iter().map(&shut).collect());
        self.each(conn, work, &items, SIZE, answers).await?;
        Ok(holders)
    }

    /// The sessions end; a sign-in that was under way is met by the next look.
    async fn cut(
        &self,
        conn: &mut Conn<'_>,
        work: &mut Vec<Work<'_>>,
        holders: &HashMap<i64, Vec<(i64, String)>>,
        answers: &mut Answers<Removed>,
    ) -> Result<(), Fault> {
        let whose = |one: &Work<'_>| -> Vec<i64> {
            if one.place.login.is_none() {
                return one.oids().chain(self.remembered(&one.place.mark)).collect();
            }
            if !self.settings.end_sessions {
                return Vec::new();
            }
            one.oids().filter_map(|oid| holders.get(&oid)).flatten().map(|(oid, _)| *oid).collect()
        };
        // A login keeps its own life in membership mode: what begins after the end of its membership is not ours to cut.
        let membership = work.iter().any(|one| one.place.login.is_some());
        let before = if membership { catalogue::server_micros(conn).await? } else { NEVER };
        let oids: Vec<i64> = work.iter().flat_map(whose).collect();
        let mut alive = HashMap::new();
        for look in 0..LOOKS {
            alive = catalogue::cut(conn, &oids, before).await?;
            if alive.is_empty() {
                return Ok(());
            }
            let pause = (self.settings.limit.to_std() / 40).min(Duration::from_millis(2 << look.min(8)));
            tokio::time::sleep(pause).await;
        }
        work.retain(|one| {
            let count: u32 = whose(one).iter().filter_map(|oid| alive.get(oid)).sum();
            if count > 0 {
                let sentence = format!("{count} sessions of {} do not end: see what they do", one.place.name);
                answer(answers, one.at, Err(Fault::passing(sentence)));
            }
            count == 0
        });
        Ok(())
    }

    /// What came into the catalogue since these roles were made.
    async fn look_for_drift(&self, conn: &mut Conn<'_>, work: &mut [Work<'_>]) -> Result<(), Fault> {
        let oids: Vec<i64> = work.iter().flat_map(Work::oids).collect();
        if oids.is_empty() {
            return Ok(());
        }
        let since = catalogue::since(conn, &oids).await?;
        for one in work {
            for oid in one.roles.iter().map(|role| role.oid) {
                tell(&mut one.drift, since.get(&oid).into_iter().flatten().cloned());
            }
        }
        Ok(())
    }

    /// What the roles own goes to whom the policy names; what was given to them is taken back; in every database.
    async fn clear(
        &self,
        conn: &mut Conn<'_>,
        work: &mut Vec<Work<'_>>,
        answers: &mut Answers<Removed>,
    ) -> Result<(), Fault> {
        let oids: Vec<i64> = work.iter().flat_map(Work::oids).collect();
        let hung = if oids.is_empty() { HashMap::new() } else { catalogue::hung(conn, &oids).await? };
        if hung.is_empty() {
            return Ok(());
        }
        work.retain(|one| {
            let clear = one.place.reassign_to.is_some() || !one.oids().any(|oid| hung.contains_key(&oid));
            if !clear {
                let sentence =
                    format!("role {} owns things or was given rights, and with names no reassign_to", one.place.name);
                answer(answers, one.at, Err(Fault::passing(sentence)));
            }
            clear
        });
        let here = self.settings.user.database.clone();
        let mut databases: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
        for (oid, names) in &hung {
            for name in names {
                databases.entry(if name.is_empty() { here.clone() } else { name.clone() }).or_default().insert(*oid);
            }
        }
        for (database, oids) in databases {
            let other = if database == here { None } else { Some(self.link.open_in(&database).await) };
            match other {
                None => self.clear_in(conn, &oids, work, answers).await?,
                Some(Ok(mut other)) => self.clear_in(&mut other, &oids, work, answers).await?,
                Some(Err(fault)) => work.retain(|one| {
                    let stuck = one.oids().any(|oid| oids.contains(&oid));
                    if stuck {
                        let said =
                            format!("its things in the database {database} cannot be cleared: {}", fault.sentence);
                        answer(answers, one.at, Err(Fault::passing(safe_line(said.as_bytes()))));
                    }
                    !stuck
                }),
            }
        }
        Ok(())
    }

    async fn clear_in(
        &self,
        conn: &mut Conn<'_>,
        oids: &BTreeSet<i64>,
        work: &mut Vec<Work<'_>>,
        answers: &mut Answers<Removed>,
    ) -> Result<(), Fault> {
        let all: Vec<i64> = oids.iter().copied().collect();
        let left = catalogue::left(conn, &all).await?;
        for one in work.iter_mut() {
            for oid in one.roles.iter().map(|role| role.oid) {
                tell(&mut one.drift, left.get(&oid).into_iter().flatten().cloned());
            }
        }
        let items = items(work, |one| {
            let Some(to) = &one.place.reassign_to else { return Vec::new() };
            let of = one.roles.iter().filter(|role| oids.contains(&role.oid)).map(|role| ident(&role.name));
            // To reassign what a role owns, one must be a member of it; within one transaction, for a rule of pg_hba.conf that
            // is for members would meet our own next sign-in.
            let clear = |name: String| {
                let to = ident(to);
                format!(
                    "GRANT {name} TO CURRENT_USER; REASSIGN OWNED BY {name} TO {to}; DROP OWNED BY {name}; \
                     REVOKE {name} FROM CURRENT_USER"
                )
            };
            of.map(clear).collect()
        });
        let needed: HashMap<usize, String> =
            work.iter().filter_map(|one| Some((one.at, one.place.reassign_to.clone()?))).collect();
        let me = ident(&self.settings.own);
        let cure = |at: usize| format!("GRANT {} TO {me}", ident(needed.get(&at).map_or("", String::as_str)));
        self.each_with(conn, work, &items, OWNERS, answers, &cure).await
    }

    async fn drop_all(
        &self,
        conn: &mut Conn<'_>,
        work: Vec<Work<'_>>,
        answers: &mut Answers<Removed>,
    ) -> Result<(), Fault> {
        let items =
            items(&work, |one| one.roles.iter().map(|role| format!("DROP ROLE {}", ident(&role.name))).collect());
        // Remembered before it is done: an answer may be lost on its way.
        let mut dropped = Vec::new();
        for one in work.iter().filter(|one| one.place.login.is_none()) {
            self.remember(&one.place.mark, one.oids());
            dropped.extend(one.oids());
        }
        let mut drifts: HashMap<usize, Vec<String>> = HashMap::new();
        for one in work {
            if one.roles.is_empty() {
                answer(answers, one.at, Ok(Removed::default()));
            }
            drifts.insert(one.at, one.drift);
        }
        let mut done = |at: usize, said: Result<(), Fault>| {
            answer(answers, at, said.map(|()| Removed { drift: drifts.remove(&at).unwrap_or_default() }));
        };
        conn.each(&items, SIZE, &mut done).await?;
        // A sign-in that passed its checks before the role was shut may have come in since; what is left the next reading sees.
        catalogue::cut(conn, &dropped, NEVER).await?;
        Ok(())
    }

    /// Runs a step; those for which it fails are answered and go no further.
    async fn each(
        &self,
        conn: &mut Conn<'_>,
        work: &mut Vec<Work<'_>>,
        items: &[(usize, String)],
        size: usize,
        answers: &mut Answers<Removed>,
    ) -> Result<(), Fault> {
        let me = ident(&self.settings.own);
        let cure = |_| format!("ALTER ROLE {me} CREATEROLE");
        self.each_with(conn, work, items, size, answers, &cure).await
    }

    /// As [`Self::each`], with what cures a refusal.
    async fn each_with(
        &self,
        conn: &mut Conn<'_>,
        work: &mut Vec<Work<'_>>,
        items: &[(usize, String)],
        size: usize,
        answers: &mut Answers<Removed>,
        cure: &(dyn Fn(usize) -> String + Sync),
    ) -> Result<(), Fault> {
        let mut failed = BTreeSet::new();
        let mut done = |at: usize, said: Result<(), Fault>| {
            if let Err(fault) = said {
                failed.insert(at);
                answer(answers, at, Err(cured(fault, || cure(at))));
            }
        };
        conn.each(items, size, &mut done).await?;
        work.retain(|one| !failed.contains(&one.at));
        Ok(())
    }
}

/// The statements of a step, for those who have any.
fn items(work: &[Work<'_>], of: impl Fn(&Work<'_>) -> Vec<String>) -> Vec<(usize, String)> {
    let items = work.iter().map(|one| (one.at, of(one).join("; ")));
    items.filter(|(_, sql)| !sql.is_empty()).collect()
}

fn tell(drift: &mut Vec<String>, said: impl Iterator<Item = String>) {
    drift.extend(said.take(TOLD).map(|line| safe_line(line.as_bytes())));
}
