//! What the catalogue and the list of sessions say. Reads only, a batch with one query.

use super::link::{Conn, Failure};
use super::settings::{COMMENT, Place};
use crate::provision::contract::store_of;
use crate::text::Instant;
use sqlx::postgres::PgRow;
use sqlx::{Decode, Postgres, Row as _, Type};
use std::collections::{HashMap, HashSet};

// Arrays are joined by `IN (SELECT unnest…)`: the server hashes that, and `= ANY` it would search through once a row.

/// A role as the catalogue has it.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub oid: i64,
    pub name: String,
    /// Its comment.
    pub said: String,
    pub login: bool,
    pub until: Option<Instant>,
}

impl Place {
    /// Whether this role is the one that we made for this grant.
    fn owns(&self, role: &Found) -> bool {
        // A marker is shared by grants, so its comment may name another one of ours.
        let shared = || {
            let ours = store_of(&self.mark);
            self.login.is_some()
                && role.name == self.name
                && role.said.strip_prefix(COMMENT).map(store_of) == Some(ours)
        };
        role.said == self.said || shared()
    }
}

fn cell<'r, T: Decode<'r, Postgres> + Type<Postgres> + Default>(row: &'r PgRow, at: usize) -> T {
    row.try_get::<Option<T>, _>(at).ok().flatten().unwrap_or_default()
}

/// Roles, found by their name and by their comment: a batch has a thousand of them.
#[derive(Debug, Default)]
pub(super) struct Roles {
    all: Vec<Found>,
    named: HashMap<String, usize>,
    said: HashMap<String, Vec<usize>>,
}

impl Roles {
    fn new(all: Vec<Found>) -> Self {
        let mut roles = Self::default();
        for (at, role) in all.iter().enumerate() {
            roles.named.insert(role.name.clone(), at);
            roles.said.entry(role.said.clone()).or_default().push(at);
        }
        roles.all = all;
        roles
    }

    /// All of them.
    pub(super) fn all(&self) -> &[Found] {
        &self.all
    }

    /// Those that we made for this place.
    pub(super) fn of<'a>(&'a self, place: &'a Place) -> impl Iterator<Item = &'a Found> {
        let said = self.said.get(&place.said).into_iter().flatten().filter_map(|at| self.all.get(*at));
        said.chain(self.named(&place.name).filter(|role| role.said != place.said && place.owns(role)))
    }

    /// What stands at the name of this place and is not ours.
    pub(super) fn foreign(&self, place: &Place) -> Option<&Found> {
        self.named(&place.name).filter(|role| !place.owns(role))
    }

    fn named(&self, name: &str) -> Option<&Found> {
        self.named.get(name).and_then(|at| self.all.get(*at))
    }
}

/// The roles that have one of these names or one of these comments.
pub(super) async fn find(conn: &mut Conn<'_>, names: &[String], said: &[String]) -> Result<Roles, Failure> {
    let sql = "SELECT r.oid::bigint, r.rolname::text, d.description, r.rolcanlogin, \
            CASE WHEN isfinite(r.rolvaliduntil) THEN round(extract(epoch FROM r.rolvaliduntil) * 1000)::bigint END \
        FROM pg_roles r LEFT JOIN pg_shdescription d ON d.objoid = r.oid AND d.classoid = 'pg_authid'::regclass \
        WHERE r.oid IN (SELECT n.oid FROM pg_roles n WHERE n.rolname::text IN (SELECT unnest($1::text[])) \
            UNION ALL SELECT c.objoid FROM pg_shdescription c WHERE c.classoid = 'pg_authid'::regclass \
                AND c.description IN (SELECT unnest($2::text[]))) ORDER BY r.oid";
    Ok(Roles::new(rows_of_roles(&conn.rows(sqlx::query(sql).bind(names).bind(said)).await?)))
}

/// The roles whose comment says that they are of this store.
pub(super) async fn of_store(conn: &mut Conn<'_>, store: &str) -> Result<Vec<Found>, Failure> {
    let sql = "SELECT r.oid::bigint, r.rolname::text, d.description, r.rolcanlogin, \
            CASE WHEN isfinite(r.rolvaliduntil) THEN round(extract(epoch FROM r.rolvaliduntil) * 1000)::bigint END \
        FROM pg_roles r JOIN pg_shdescription d ON d.objoid = r.oid AND d.classoid = 'pg_authid'::regclass \
        WHERE starts_with(d.description, $1) ORDER BY d.description, r.oid";
    Ok(rows_of_roles(&conn.rows(sqlx::query(sql).bind(format!("{COMMENT}{store}"))).await?))
}

fn rows_of_roles(rows: &[PgRow]) -> Vec<Found> {
    let role = |row: &PgRow| Found {
        oid: cell(row, 0),
        name: cell(row, 1),
        said: cell(row, 2),
        login: cell(row, 3),
        until: row.try_get::<Option<i64>, _>(4).ok().flatten().map(Instant::from_millis),
    };
    rows.iter().map(role).collect()
}

/// How many sessions each of these roles has. `SET ROLE` does not hide a session: it is counted for who signed in.
pub(super) async fn sessions(conn: &mut Conn<'_>, oids: &[i64]) -> Result<HashMap<i64, u32>, Failure> {
    if oids.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = "SELECT usesysid::bigint, count(*) FROM pg_stat_activity WHERE usesysid::bigint IN (SELECT unnest($1::bigint[])) GROUP BY 1";
    let rows = conn.rows(sqlx::query(sql).bind(oids)).await?;
    Ok(rows.iter().map(|row| (cell(row, 0), u32::try_from(cell::<i64>(row, 1)).unwrap_or(u32::MAX))).collect())
}

/// Tells the sessions of these roles that began before an instant of the server's clock to end, and says whose there were.
pub(super) async fn cut(conn: &mut Conn<'_>, oids: &[i64], before: i64) -> Result<HashMap<i64, u32>, Failure> {
    if oids.is_empty() {
        return Ok(HashMap::new());
    }
    // When a session began is hidden from whoever lacks pg_read_all_stats: then it counts as one that was there before.
    // A superuser's session is counted, and can be ended by a superuser only.
    let sql = "SELECT a.usesysid::bigint, count(*), count(CASE WHEN coalesce(r.rolsuper, false) AND NOT me.rolsuper THEN false \
            ELSE pg_terminate_backend(a.pid) END) \
        FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid JOIN pg_roles me ON me.rolname = current_user \
        WHERE a.usesysid::bigint IN (SELECT unnest($1::bigint[])) AND a.pid <> pg_backend_pid() \
            AND coalesce(a.backend_start <= to_timestamp($2::double precision / 1000000), true) GROUP BY 1";
    let rows = conn.rows(sqlx::query(sql).bind(oids).bind(before)).await?;
    Ok(rows.iter().map(|row| (cell(row, 0), u32::try_from(cell::<i64>(row, 1)).unwrap_or(u32::MAX))).collect())
}

/// The server's clock, in microseconds.
pub(super) async fn server_micros(conn: &mut Conn<'_>) -> Result<i64, Failure> {
    let sql = "SELECT ceil(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
    Ok(conn.rows(sqlx::query(sql)).await?.first().map_or(0, |row| cell(row, 0)))
}

/// What these roles are members of, by the member.
pub(super) async fn groups(conn: &mut Conn<'_>, members: &[i64]) -> Result<HashMap<i64, Vec<String>>, Failure> {
    let sql = "SELECT m.member::bigint, r.rolname::text FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.roleid \
        WHERE m.member::bigint IN (SELECT unnest($1::bigint[]))";
    let mut groups: HashMap<i64, Vec<String>> = HashMap::new();
    for row in conn.rows(sqlx::query(sql).bind(members)).await? {
        groups.entry(cell(&row, 0)).or_default().push(cell(&row, 1));
    }
    Ok(groups)
}

/// Who is a member of these roles, by the role: their oid and name.
pub(super) async fn members(conn: &mut Conn<'_>, roles: &[i64]) -> Result<HashMap<i64, Vec<(i64, String)>>, Failure> {
    let sql = "SELECT m.roleid::bigint, r.oid::bigint, r.rolname::text FROM pg_auth_members m \
        JOIN pg_roles r ON r.oid = m.member WHERE m.roleid::bigint IN (SELECT unnest($1::bigint[]))";
    let mut members: HashMap<i64, Vec<(i64, String)>> = HashMap::new();
    for row in conn.rows(sqlx::query(sql).bind(roles)).await? {
        members.entry(cell(&row, 0)).or_default().push((cell(&row, 1), cell(&row, 2)));
    }
    Ok(members)
}

/// Logins, and which groups they are in without us: directly, or by a role that is not a marker of ours.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// The logins that there are, and whether each is a superuser.
    pub logins: HashMap<String, bool>,
    /// A login and a group.
    pub standing: HashSet<(String, String)>,
}

/// Reads them for these logins.
pub(super) async fn standing(conn: &mut Conn<'_>, logins: &[String]) -> Result<Standing, Failure> {
    let sql = "WITH RECURSIVE up AS ( \
            SELECT l.rolname::text AS login, l.rolsuper AS super, l.oid AS held, 0 AS step FROM pg_roles l WHERE l.rolname::text = ANY($1) \
            UNION SELECT up.login, up.super, m.roleid, 1 FROM up JOIN pg_auth_members m ON m.member = up.held \
                LEFT JOIN pg_shdescription d ON d.objoid = m.roleid AND d.classoid = 'pg_authid'::regclass \
            WHERE NOT starts_with(coalesce(d.description, ''), $2)) \
        SELECT up.login, up.super, g.rolname::text, up.step FROM up JOIN pg_roles g ON g.oid = up.held";
    let mut read = Standing::default();
    for row in conn.rows(sqlx::query(sql).bind(logins).bind(COMMENT)).await? {
        let login: String = cell(&row, 0);
        read.logins.insert(login.clone(), cell(&row, 1));
        if cell::<i32>(&row, 3) > 0 {
            read.standing.insert((login, cell(&row, 2)));
        }
    }
    Ok(read)
}

/// In which databases things hang on these roles; an empty name stands for what belongs to all of them.
pub(super) async fn hung(conn: &mut Conn<'_>, oids: &[i64]) -> Result<HashMap<i64, Vec<String>>, Failure> {
    let sql = "SELECT DISTINCT s.refobjid::bigint, coalesce(d.datname::text, '') FROM pg_shdepend s \
        LEFT JOIN pg_database d ON d.oid = s.dbid \
        WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = ANY($1::bigint[]::oid[]) \
            AND s.classid <> 'pg_auth_members'::regclass";
    let mut hung: HashMap<i64, Vec<String>> = HashMap::new();
    for row in conn.rows(sqlx::query(sql).bind(oids)).await? {
        hung.entry(cell(&row, 0)).or_default().push(cell(&row, 1));
    }
    Ok(hung)
}

/// What these roles own and gave away in the database of this connection, a sentence each.
pub(super) async fn left(conn: &mut Conn<'_>, oids: &[i64]) -> Result<HashMap<i64, Vec<String>>, Failure> {
    let sql = "SELECT s.refobjid::bigint, 'owned ' || count(*) || ' objects in ' || current_database() FROM pg_shdepend s \
            WHERE s.refclassid = 'pg_authid'::regclass AND s.refobjid = ANY($1::bigint[]::oid[]) AND s.deptype = 'o' \
                AND s.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database())) \
                AND s.classid <> 'pg_auth_members'::regclass GROUP BY 1 \
        UNION ALL SELECT a.grantor::bigint, 'gave ' || string_agg(DISTINCT a.privilege_type, ', ') || ' on ' || c.oid::regclass \
                || ' to ' || coalesce(g.rolname::text, 'everybody') \
            FROM pg_class c, aclexplode(c.relacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee \
            WHERE c.relacl IS NOT NULL AND a.grantor = ANY($1::bigint[]::oid[]) AND a.grantee <> a.grantor \
            GROUP BY a.grantor, c.oid, g.rolname";
    let mut left: HashMap<i64, Vec<String>> = HashMap::new();
    for row in conn.rows(sqlx::query(sql).bind(oids)).await? {
        left.entry(cell(&row, 0)).or_default().push(cell(&row, 1));
    }
    Ok(left)
}

/// What came into the catalogue of roles since each of these was made: roles and memberships that are not ours.
///
/// The snapshot is the catalogue itself: a role's oid is above those before it, and the row of our own membership is as
/// old as our grant. Nothing is kept anywhere, so nothing can be lost or be changed by the user.
pub(super) async fn since(conn: &mut Conn<'_>, oids: &[i64]) -> Result<HashMap<i64, Vec<String>>, Failure> {
    let sql = "WITH ours AS (SELECT r.oid, min(age(m.xmin)) AS age FROM pg_roles r LEFT JOIN pg_auth_members m ON m.member = r.oid \
                WHERE r.oid::bigint IN (SELECT unnest($1::bigint[])) GROUP BY 1), \
            foreigners AS (SELECT r.oid, r.rolname, NOT starts_with(coalesce(d.description, ''), $2) AS foreign_one \
                FROM pg_roles r LEFT JOIN pg_shdescription d ON d.objoid = r.oid AND d.classoid = 'pg_authid'::regclass), \
            made AS (SELECT * FROM foreigners WHERE foreign_one AND oid > (SELECT min(oid) FROM ours)), \
            joined AS (SELECT age(m.xmin) AS age, g.rolname AS held, f.rolname AS member, m.admin_option FROM pg_auth_members m \
                JOIN foreigners f ON f.oid = m.member AND f.foreign_one AND f.rolname <> current_user \
                JOIN foreigners g ON g.oid = m.roleid AND (g.foreign_one OR g.rolname !~ '^nl-[a-z0-9]+-m-')) \
        SELECT o.oid::bigint, 'role ' || quote_ident(f.rolname) || ' was made' FROM ours o JOIN made f ON f.oid > o.oid \
        UNION ALL SELECT o.oid::bigint, 'role ' || quote_ident(j.member) || ' became a member of ' || quote_ident(j.held) \
                || CASE WHEN j.admin_option THEN ' with admin option' ELSE '' END \
            FROM ours o JOIN joined j ON j.age < o.age \
        UNION ALL SELECT r.oid::bigint, 'left the prepared transaction ' || quote_literal(p.gid) || ' in ' || quote_ident(p.database) \
            FROM pg_prepared_xacts p JOIN pg_roles r ON r.rolname = p.owner JOIN ours o ON o.oid = r.oid";
    let mut since: HashMap<i64, Vec<String>> = HashMap::new();
    for row in conn.rows(sqlx::query(sql).bind(oids).bind(COMMENT)).await? {
        since.entry(cell(&row, 0)).or_default().push(cell(&row, 1));
    }
    Ok(since)
}
