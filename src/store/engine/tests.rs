//! The engine on SQLite always, and on PostgreSQL where `NIGHTLATCH_TEST_PG` names a server on which databases can be made.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};

use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Executor as _, PgConnection};

use super::connect::postgres_options;
use super::*;
use crate::store::location::new_enough;
use crate::store::row::values;
use crate::store::schema;

/// A store of its own for one test.
struct Bed {
    engine: Engine,
    /// For PostgreSQL: a connection to the server, to break things with.
    server: Option<PgConnection>,
    _folder: tempfile::TempDir,
}

async fn sqlite() -> Bed {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::Sqlite(folder.path().join("data/store.db"));
    let engine = Engine::open(&location).await.unwrap();
    Bed { engine, server: None, _folder: folder }
}

/// A new database, after `before` was said about it; `{}` in it is its name.
async fn postgres_where(before: &str) -> Option<(Location, PgConnection)> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let Ok(url) = std::env::var("NIGHTLATCH_TEST_PG") else {
        eprintln!("SKIPPED a store test on PostgreSQL: NIGHTLATCH_TEST_PG is not set");
        return None;
    };
    let name = format!("nl_engine_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let mut server = url.parse::<PgConnectOptions>().unwrap().connect().await.unwrap();
    server.execute(AssertSqlSafe(format!("CREATE DATABASE {name} ENCODING 'UTF8' TEMPLATE template0"))).await.unwrap();
    if !before.is_empty() {
        server.execute(AssertSqlSafe(before.replace("{}", &name))).await.unwrap();
    }
    let (base, parameters) = url.split_once('?').map_or((url.as_str(), String::new()), |(a, b)| (a, format!("?{b}")));
    let base = base.rsplit_once('/').filter(|(before, _)| !before.ends_with('/')).map_or(base, |(before, _)| before);
    Some((Location::Postgres(format!("{base}/{name}{parameters}")), server))
}

async fn postgres() -> Option<Bed> {
    let (location, server) = postgres_where("").await?;
    let engine = Engine::open(&location).await.unwrap();
    Some(Bed { engine, server: Some(server), _folder: tempfile::tempdir().unwrap() })
}

async fn beds() -> Vec<Bed> {
    std::iter::once(sqlite().await).chain(postgres().await).collect()
}

impl Bed {
    /// Ends every connection to the store from the server's side.
    async fn cut(&mut self) {
        let Some(server) = &mut self.server else { panic!("only on PostgreSQL") };
        let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'nightlatch' \
                    AND datname = $1";
        let Location::Postgres(url) = &self.engine.location else { panic!("only on PostgreSQL") };
        let options = postgres_options(url).unwrap();
        sqlx::query(kill).bind(options.get_database().unwrap().to_owned()).execute(server).await.unwrap();
    }
}

const INTO: &str = "INSERT INTO text (id, subject, salt, words)";

fn words(id: i64, words: Option<&str>) -> Vec<Arg> {
    vec![id.into(), "request 1".into(), words.map(|_| "00").into(), words.into()]
}

async fn count(engine: &Engine) -> i64 {
    engine.read("SELECT count(*) FROM text", vec![]).await.unwrap()[0].int(0).unwrap()
}

#[tokio::test]
async fn what_is_written_is_read_back_as_it_was() {
    for bed in beds().await {
        let mut writer = bed.engine.writer();
        schema::create(&mut writer).await.unwrap();
        schema::create(&mut writer).await.unwrap();
        writer.begin().await.unwrap();
        let odd = "'; DROP TABLE text; -- \u{202e}é\n\t\"$1\"";
        let rows = [words(1, Some(odd)), words(i64::MAX, None), words(i64::MIN, Some(""))].concat();
        assert_eq!(writer.insert(INTO, 4, rows, "").await.unwrap(), 3);
        let told =
            writer.fetch("UPDATE text SET subject = $1 WHERE id > $2 RETURNING id", vec!["x".into(), 1_i64.into()]);
        assert_eq!(told.await.unwrap()[0].int(0), Ok(i64::MAX));
        assert_eq!(count(&bed.engine).await, 0, "readers see what is committed only");
        writer.commit().await.unwrap();
        let rows = bed.engine.read("SELECT id, words, salt FROM text ORDER BY id", vec![]).await.unwrap();
        assert_eq!((rows[0].int(0), rows[0].text(1)), (Ok(i64::MIN), Ok("")));
        assert_eq!((rows[1].count(0), rows[1].text(1)), (Ok(1), Ok(odd)));
        assert_eq!((rows[2].opt_text(1), rows[2].opt_text(2)), (Ok(None), Ok(None)));
        for wrong in [
            rows[0].text(0).err(),
            rows[0].int(1).err(),
            rows[2].text(1).err(),
            rows[0].count(0).err(),
            rows[0].int(9).err(),
        ] {
            assert!(matches!(wrong, Some(StoreError::Broken(_))), "{wrong:?}");
        }
        let head = "INSERT INTO head (one, seq, at, alive_at, link, tree, number, policy, format, store_id)";
        writer.begin().await.unwrap();
        let args = |one: i64| {
            vec![
                one.into(),
                0_i64.into(),
                0_i64.into(),
                0_i64.into(),
                "".into(),
                "0".into(),
                100_i64.into(),
                "".into(),
                crate::access::event::FORMAT.into(),
                "7f3a".into(),
            ]
        };
        writer.insert(head, 10, args(1), "").await.unwrap();
        assert!(matches!(writer.insert(head, 10, args(2), "").await, Err(StoreError::Refused(_))), "one head only");
        writer.rollback().await;
        bed.engine.close().await;
    }
}

#[tokio::test]
async fn sqlite_keeps_no_index_beside_the_numbers_of_its_tables() {
    for bed in beds().await.into_iter().filter(|bed| matches!(bed.engine.location(), Location::Sqlite(_))) {
        schema::create(&mut bed.engine.writer()).await.unwrap();
        let sql = "SELECT name FROM sqlite_master WHERE name LIKE 'sqlite_autoindex_%' \
            AND tbl_name IN ('head', 'event', 'text', 'request', 'checkpoint')";
        assert_eq!(bed.engine.read(sql, vec![]).await.unwrap(), []);
    }
}

#[tokio::test]
async fn every_table_takes_a_row_and_gives_it_back() {
    for bed in beds().await {
        let mut writer = bed.engine.writer();
        schema::create(&mut writer).await.unwrap();
        for statement in schema::STATEMENTS.iter().filter(|statement| statement.starts_with("CREATE TABLE")) {
            let table = statement.split_whitespace().nth(5).unwrap();
            let columns: Vec<&str> = statement
                .split_once('(')
                .unwrap()
                .1
                .split(", PRIMARY KEY")
                .next()
                .unwrap()
                .split(',')
                .map(str::trim)
                .collect();
            let names: Vec<&str> = columns.iter().map(|column| column.split(' ').next().unwrap()).collect();
            let args = columns.iter().map(|column| if column.contains(" TEXT") { "x".into() } else { 1_i64.into() });
            writer.begin().await.unwrap();
            let into = format!("INSERT INTO {table} ({})", names.join(", "));
            assert_eq!(writer.insert(&into, names.len(), args.collect(), "").await, Ok(1), "{table}");
            writer.commit().await.unwrap();
            let rows = bed.engine.read(&format!("SELECT {} FROM {table}", names.join(", ")), vec![]).await.unwrap();
            for (n, column) in columns.iter().enumerate() {
                assert_eq!(rows[0].text(n).is_ok(), column.contains(" TEXT"), "{table}: {column}");
            }
        }
    }
}

#[tokio::test]
async fn i5_after_a_failed_statement_nothing_of_the_batch_stands() {
    for bed in beds().await {
        let mut writer = bed.engine.writer();
        schema::create(&mut writer).await.unwrap();
        writer.begin().await.unwrap();
        writer.insert(INTO, 4, words(1, Some("a")), "").await.unwrap();
        assert!(matches!(writer.insert(INTO, 4, words(1, Some("b")), "").await, Err(StoreError::Refused(_))));
        assert!(matches!(writer.insert(INTO, 4, words(2, Some("c")), "").await, Err(StoreError::Refused(_))));
        assert!(matches!(writer.commit().await, Err(StoreError::Refused(_))));
        writer.rollback().await;
        assert_eq!(count(&bed.engine).await, 0);
        assert!(
            matches!(writer.execute("DELETE FROM text", vec![]).await, Err(StoreError::Broken(_))),
            "no transaction"
        );
        // A conflict that the statement provides for is no failure.
        writer.begin().await.unwrap();
        let rows = [words(1, Some("a")), words(2, Some("b"))].concat();
        writer.insert(INTO, 4, rows.clone(), "").await.unwrap();
        assert_eq!(writer.insert(INTO, 4, rows, "ON CONFLICT (id) DO NOTHING").await, Ok(0));
        let then = "ON CONFLICT (id) DO UPDATE SET words = excluded.words";
        assert_eq!(writer.insert(INTO, 4, words(2, Some("c")), then).await, Ok(1));
        writer.commit().await.unwrap();
        assert_eq!(count(&bed.engine).await, 2);
        // An abandoned statement takes its transaction with it.
        writer.begin().await.unwrap();
        writer.insert(INTO, 4, words(3, Some("d")), "").await.unwrap();
        drop(writer.take().unwrap());
        assert!(writer.commit().await.is_err());
        writer.begin().await.unwrap();
        writer.insert(INTO, 4, words(4, Some("e")), "").await.unwrap();
        writer.commit().await.unwrap();
        assert_eq!(count(&bed.engine).await, 3);
    }
}

#[tokio::test]
async fn a_full_disk_refuses_and_leaves_what_was_there() {
    let bed = sqlite().await;
    let mut writer = bed.engine.writer();
    schema::create(&mut writer).await.unwrap();
    writer.begin().await.unwrap();
    writer.insert(INTO, 4, words(1, Some("a")), "").await.unwrap();
    let pages = writer.fetch("PRAGMA page_count", vec![]).await.unwrap()[0].int(0).unwrap();
    writer.commit().await.unwrap();
    writer.begin().await.unwrap();
    writer.fetch(&format!("PRAGMA max_page_count = {pages}"), vec![]).await.unwrap();
    writer.insert(INTO, 4, words(2, Some("b")), "").await.unwrap();
    let full = writer.insert(INTO, 4, words(3, Some(&"c".repeat(100_000))), "").await;
    assert!(matches!(&full, Err(StoreError::Refused(sentence)) if sentence.contains("disk is full")), "{full:?}");
    // SQLite may have rolled back by itself: what follows must not be taken as a write of its own.
    assert!(writer.insert(INTO, 4, words(4, Some("d")), "").await.is_err());
    writer.rollback().await;
    assert_eq!(count(&bed.engine).await, 1);
    writer.begin().await.unwrap();
    writer.insert(INTO, 4, words(5, Some("e")), "").await.unwrap();
    writer.commit().await.unwrap();
    assert_eq!(count(&bed.engine).await, 2);
}

#[tokio::test]
async fn many_rows_fit_whatever_the_engine_takes_at_once() {
    for bed in beds().await {
        let mut writer = bed.engine.writer();
        schema::create(&mut writer).await.unwrap();
        writer.begin().await.unwrap();
        let args: Vec<Arg> = (0..20_000).flat_map(|id| words(id, Some("w"))).collect();
        assert_eq!(writer.insert(INTO, 4, args, "").await, Ok(20_000));
        assert_eq!(writer.insert(INTO, 4, vec![], "").await, Ok(0));
        writer.commit().await.unwrap();
        assert_eq!(count(&bed.engine).await, 20_000);
        assert!(matches!(writer.insert(INTO, 4, vec![1_i64.into()], "").await, Err(StoreError::Broken(_))));
    }
}

#[tokio::test]
async fn a_snapshot_stays_as_it_was() {
    for bed in beds().await {
        let mut writer = bed.engine.writer();
        schema::create(&mut writer).await.unwrap();
        let mut snapshot = bed.engine.snapshot().await.unwrap();
        let ask = "SELECT count(*) FROM text";
        assert_eq!(snapshot.read(ask, vec![]).await.unwrap()[0].int(0), Ok(0));
        writer.begin().await.unwrap();
        writer.insert(INTO, 4, words(1, Some("a")), "").await.unwrap();
        writer.commit().await.unwrap();
        assert_eq!(snapshot.read(ask, vec![]).await.unwrap()[0].int(0), Ok(0));
        drop(snapshot);
        assert_eq!(count(&bed.engine).await, 1);
        let denied = bed.engine.read("DELETE FROM text", vec![]).await;
        assert!(denied.is_err(), "a reader cannot write");
        assert_eq!(count(&bed.engine).await, 1);
        assert_eq!(bed.engine.clock_millis().await.unwrap().is_some(), bed.server.is_some());
    }
}

#[tokio::test]
async fn a54_a_value_of_another_type_is_an_error_not_a_panic() {
    let bed = sqlite().await;
    let mut writer = bed.engine.writer();
    schema::create(&mut writer).await.unwrap();
    writer.begin().await.unwrap();
    let sql = "INSERT INTO text (id, subject, salt, words) VALUES (1, x'ff', x'00', CAST(x'ff' AS TEXT))";
    writer.execute(sql, vec![]).await.unwrap();
    writer.execute("INSERT INTO event VALUES (1, 'early', 3, '', '', '', '', '')", vec![]).await.unwrap();
    writer.commit().await.unwrap();
    let row = &bed.engine.read("SELECT id, subject, salt, words FROM text", vec![]).await.unwrap()[0];
    assert_eq!(row.int(0), Ok(1));
    for column in 1..4 {
        assert!(matches!(row.opt_text(column), Err(StoreError::Broken(_))), "column {column}: {row:?}");
    }
    let row = &bed.engine.read("SELECT at, subject FROM event", vec![]).await.unwrap()[0];
    assert!(row.int(0).is_err());
    assert_eq!(row.text(1), Ok("3"));
}

#[tokio::test]
async fn a55_the_file_is_private_and_one_that_is_not_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let bed = sqlite().await;
    let mut writer = bed.engine.writer();
    schema::create(&mut writer).await.unwrap();
    let Location::Sqlite(path) = bed.engine.location().clone() else { panic!("not a file") };
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
    assert_eq!(mode(&path.with_extension("db-wal")), 0o600);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    let Err(StoreError::Broken(sentence)) = Engine::open(bed.engine.location()).await else { panic!("was opened") };
    assert!(sentence.contains("chmod 600"), "{sentence}");
    let settings = bed.engine.read("SELECT (SELECT synchronous FROM pragma_synchronous)", vec![]).await.unwrap();
    assert_eq!(settings[0].int(0), Ok(2), "synchronous=FULL");
}

#[tokio::test]
async fn a_file_that_is_no_store_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("store.db");
    private_file(&path).unwrap();
    std::fs::write(&path, "this is a letter to my mother, and nothing else at all".repeat(30)).unwrap();
    let Err(StoreError::Broken(sentence)) = Engine::open(&Location::Sqlite(path)).await else { panic!("was opened") };
    assert!(sentence.contains("no store"), "{sentence}");
}

#[tokio::test]
async fn the_bundled_sqlite_is_new_enough() {
    let bed = sqlite().await;
    let rows = bed.engine.read("SELECT sqlite_version()", vec![]).await.unwrap();
    assert!(new_enough(rows[0].text(0).unwrap()).is_ok(), "{rows:?}");
    for (version, good) in
        [("3.51.3", true), ("3.52.0", true), ("4.0", true), ("3.51.2", false), ("3.9.9", false), ("", false)]
    {
        assert_eq!(new_enough(version).is_ok(), good, "{version}");
    }
}

#[tokio::test]
async fn i4_a_cut_connection_is_replaced_and_a_cut_commit_is_unknown() {
    let Some(mut bed) = postgres().await else { return };
    let mut writer = bed.engine.writer();
    schema::create(&mut writer).await.unwrap();
    assert_eq!(count(&bed.engine).await, 0);
    // While idle: neither the reader nor the writer notices.
    bed.cut().await;
    assert_eq!(count(&bed.engine).await, 0);
    writer.begin().await.unwrap();
    writer.insert(INTO, 4, words(1, Some("a")), "").await.unwrap();
    writer.commit().await.unwrap();
    // Within a transaction: the write is gone, the next one works.
    writer.begin().await.unwrap();
    bed.cut().await;
    let cut = writer.insert(INTO, 4, words(2, Some("b")), "").await;
    assert!(matches!(cut, Err(StoreError::Away(_))), "{cut:?}");
    writer.rollback().await;
    // At COMMIT: nobody knows.
    writer.begin().await.unwrap();
    writer.insert(INTO, 4, words(3, Some("c")), "").await.unwrap();
    bed.cut().await;
    let cut = writer.commit().await;
    assert!(matches!(cut, Err(StoreError::Unknown(_))), "{cut:?}");
    writer.begin().await.unwrap();
    writer.insert(INTO, 4, words(4, Some("d")), "").await.unwrap();
    writer.commit().await.unwrap();
    assert_eq!(count(&bed.engine).await, 2);
}

#[tokio::test]
async fn postgres_that_could_lose_what_it_acknowledged_is_refused() {
    let Some((location, _server)) = postgres_where("ALTER DATABASE {} SET synchronous_commit = off").await else {
        return;
    };
    let Err(StoreError::Broken(sentence)) = Engine::open(&location).await else { panic!("was opened") };
    assert!(sentence.contains("synchronous_commit"), "{sentence}");
    let Location::Postgres(url) = location else { return };
    let nowhere = Location::Postgres(url.replace("nl_engine_", "nl_none_"));
    assert!(
        matches!(Engine::open(&nowhere).await, Err(StoreError::Broken(sentence)) if sentence.contains("CREATE DATABASE"))
    );
}

#[tokio::test]
async fn replicas_that_start_at_once_make_the_tables_once() {
    let Some(bed) = postgres().await else { return };
    let mut writers: Vec<Writer> = (0..4).map(|_| bed.engine.writer()).collect();
    let made = futures_util::future::join_all(writers.iter_mut().map(schema::create)).await;
    assert!(made.iter().all(Result::is_ok), "{made:?}");
}

#[tokio::test]
async fn a_postgres_that_is_not_there_is_away() {
    let location = Location::Postgres("postgres://u:hunter2@127.0.0.1:1/x".into());
    let Err(fault) = Engine::open(&location).await else { panic!("was opened") };
    assert!(matches!(&fault, StoreError::Away(_)), "{fault:?}");
    assert!(!fault.to_string().contains("hunter2"));
}

#[tokio::test]
#[ignore = "waits 5 s for each engine's lock to time out"]
async fn a_held_head_is_away_after_five_seconds() {
    for bed in beds().await {
        let (mut one, mut two) = (bed.engine.writer(), bed.engine.writer());
        schema::create(&mut one).await.unwrap();
        one.begin().await.unwrap();
        one.insert(INTO, 4, words(1, Some("a")), "").await.unwrap();
        let blocked = async {
            two.begin().await?;
            two.insert(INTO, 4, words(1, Some("a")), "").await
        };
        // PostgreSQL ends the one that sits idle in its transaction after 2 s, so the other gets through.
        let blocked = blocked.await;
        if bed.server.is_some() {
            assert_eq!(blocked, Ok(1));
            assert!(matches!(one.commit().await, Err(StoreError::Unknown(_))));
        } else {
            assert!(matches!(blocked, Err(StoreError::Away(_))), "{blocked:?}");
        }
    }
}

#[test]
fn placeholders_count_on() {
    assert_eq!(values(2, 3), "($1,$2,$3),($4,$5,$6)");
    assert_eq!(values(1, 1), "($1)");
    assert_eq!(values(3, 1), "($1),($2),($3)");
    assert_eq!((values(0, 3), values(3, 0)), (String::new(), String::new()));
}

#[test]
fn i13_a_location_never_shows_its_password() {
    let read = |url: &str| url.parse::<Location>().unwrap();
    assert_eq!(format!("{:?}", read("postgres://u:p@ss@host:5432/db?password=x")), "Location(postgres://host:5432/db)");
    assert_eq!(read("postgresql:///db?host=/run/x").to_string(), "postgres:///db");
    assert_eq!(read("sqlite:/a/b.db"), Location::Sqlite("/a/b.db".into()));
    assert_eq!(read("sqlite:///a/b.db"), Location::Sqlite("/a/b.db".into()));
    for bad in ["", "sqlite:", "mysql://x", "/a/b.db"] {
        assert!(matches!(bad.parse::<Location>(), Err(StoreError::Broken(_))), "{bad}");
    }
}

#[test]
fn each_code_has_its_meaning_and_a_sentence_of_one_line() {
    use StoreError::{Away, Broken, Refused};
    let kind = |code: &str| match crate::store::codes::judge_code(code, "x").0 {
        Away(_) => "away",
        Refused(_) => "refused",
        Broken(_) => "broken",
        StoreError::Unknown(_) => "unknown",
    };
    for (code, wanted) in [
        ("53100", "refused"),
        ("13", "refused"),
        ("23505", "refused"),
        ("2067", "refused"),
        ("1555", "refused"),
        ("22021", "refused"),
        ("55P03", "away"),
        ("5", "away"),
        ("517", "away"),
        ("57014", "away"),
        ("57P01", "away"),
        ("08006", "away"),
        ("25006", "away"),
        ("40P01", "away"),
        ("53300", "away"),
        ("14", "away"),
        ("778", "away"),
        ("28P01", "broken"),
        ("3D000", "broken"),
        ("42P01", "broken"),
        ("11", "broken"),
        ("26", "broken"),
        ("1032", "broken"),
        ("", "broken"),
    ] {
        assert_eq!(kind(code), wanted, "{code}");
    }
    assert_eq!(crate::store::fault::one_line("a\x1b[31m\nb"), "a [31m b");
}
