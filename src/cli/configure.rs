//! The three files: `config init`, `check`, `schema`. Writes only files that are not there yet.

use super::Outcome;
use super::exit::{Exit, Trouble};
use super::link::Context;
use super::output::Output;
use super::settings::{faults_json, faults_page, faulty};
use super::{policy, write};
use crate::config::starter::{Start, Starter, person_of, starter};
use crate::config::{self, Address, Paths, Server, account};
use crate::policy::Fault;
use crate::text::name::is_name;
use clap::Subcommand;
use std::path::{Path, PathBuf};

/// The files: make the first ones, check them, print their schemas
#[derive(Debug, Clone, Subcommand)]
pub enum Config {
    /// Ask a few questions and write the first files
    Init,
    /// Check config.toml, server.toml and policy.toml
    Check,
    /// Print the JSON schemas of the files
    Schema {
        /// Only this one: policy.toml, server.toml or config.toml
        file: Option<String>,
    },
}

impl Config {
    /// Does it.
    pub fn run(self, cx: &Context) -> Outcome {
        match self {
            Self::Init => init(cx),
            Self::Check => check(cx),
            Self::Schema { file } => schema(cx, file.as_deref()),
        }
    }
}

/// The folders, this person's file and the server's. `--config` names either: what is called `server.toml` is the server's.
fn paths(cx: &Context) -> Result<(Paths, PathBuf, PathBuf), Trouble> {
    let paths = Paths::find().map_err(|fault| faulty(&[fault]))?;
    let named = cx.config.clone().or_else(|| std::env::var_os("NIGHTLATCH_CONFIG").map(PathBuf::from));
    let (client, server) = (paths.client_file(), paths.server_file());
    Ok(match named {
        Some(file) if file.file_name() == server.file_name() => (paths, client, file),
        Some(file) => (paths, file, server),
        None => (paths, client, server),
    })
}

/// Everything that is wrong with the files that there are, and which those are.
fn judge(paths: &Paths, client: &Path, server_file: &Path, kinds: &[&str]) -> (Vec<String>, Vec<Fault>) {
    let (mut seen, mut faults) = (Vec::new(), Vec::new());
    let mut take = |path: &Path, told: Vec<Fault>| {
        seen.push(path.display().to_string());
        faults.extend(told);
    };
    if client.exists() {
        take(client, config::Client::load(client).map_or_else(|told| told, |(_, told)| told));
    }
    let mut policy_file = paths.policy_file();
    if server_file.exists() {
        let told = match Server::load(server_file) {
            Ok((server, mut told)) => {
                if let config::server::PolicyFrom::File(file) = &server.policy {
                    policy_file.clone_from(file);
                }
                told.extend(server.check_files());
                told
            }
            Err(told) => told,
        };
        take(server_file, told);
    }
    if policy_file.exists() {
        take(&policy_file, policy::read(&policy_file, kinds).1);
    }
    (seen, faults)
}

fn check(cx: &Context) -> Outcome {
    let (paths, client, server) = paths(cx)?;
    if let Some(named) = cx.config.as_ref().filter(|named| !named.exists()) {
        return Err(Trouble::usage(
            format!("{} is not there", named.display()),
            "nightlatch config init makes the files",
        ));
    }
    let (seen, faults) = judge(&paths, &client, &server, cx.kinds);
    let sound = faults.iter().all(|fault| fault.warning);
    if cx.out.json {
        cx.out.json_value(&faults_json(&faults))?;
    } else {
        let mut page = faults_page(&faults);
        for file in &seen {
            page.line(format!("read {file}"));
        }
        if seen.is_empty() {
            page.line(format!(
                "there are no files yet: nightlatch config init makes them in {}",
                paths.config.display()
            ));
        } else {
            page.line(if sound { "all is sound" } else { "what is at fault does not rule" });
        }
        cx.out.page(&page)?;
    }
    Ok(if sound { Exit::Done } else { Exit::Usage })
}

fn schema(cx: &Context, file: Option<&str>) -> Outcome {
    let schemas = config::schemas();
    let Some(wanted) = file else {
        let all: serde_json::Map<_, _> = schemas.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
        cx.out.json_value(&all)?;
        return Ok(Exit::Done);
    };
    let names = schemas.each_ref().map(|(name, _)| *name).join(", ");
    let found = schemas.iter().find(|(name, _)| *name == wanted || name.strip_suffix(".toml") == Some(wanted));
    let (_, schema) = found
        .ok_or_else(|| Trouble::usage(format!("there is no file {wanted:?}"), format!("the files are {names}")))?;
    cx.out.json_value(schema)?;
    Ok(Exit::Done)
}

/// The answers that make the first files.
#[derive(Debug, Clone, Default)]
struct Answers {
    name: String,
    /// Another host; none is this machine.
    url: Option<String>,
    system: Option<FirstSystem>,
}

/// The first system that is no sandbox.
#[derive(Debug, Clone, Default)]
struct FirstSystem {
    id: String,
    environment: String,
    backup: Option<(String, String)>,
    role: String,
    allows: String,
    acts: Acts,
}

/// Where the first role acts.
#[derive(Debug, Clone, Default)]
enum Acts {
    /// In the sandbox's folder.
    #[default]
    Sandbox,
    /// In a PostgreSQL server.
    Postgres {
        /// Its address, without a password.
        url: String,
        /// The role there that is given.
        member_of: String,
        /// Where the password of nightlatch's own role is.
        password_file: Option<String>,
    },
    /// By a helper program: its words.
    Helper(Vec<String>),
}

impl Acts {
    /// The provisioner's name in the policy, what the role says to it, and its table.
    fn tables(&self) -> (&'static str, String, String) {
        match self {
            Self::Sandbox => ("sandbox", String::new(), String::new()),
            Self::Postgres { url, member_of, password_file } => {
                let file = password_file.as_ref().map(|file| format!("password_file = {}\n", quoted(file)));
                let table = format!(
                    "\n[provisioners.database]\nkind = \"postgres\"\nurl = {}\n{}",
                    quoted(url),
                    file.unwrap_or_default()
                );
                ("database", format!("with = {{ member_of = {} }}\n", quoted(member_of)), table)
            }
            Self::Helper(words) => {
                let argv: Vec<String> = words.iter().map(|word| quoted(word)).collect();
                let table = format!("\n[provisioners.helper]\nkind = \"command\"\nargv = [{}]\n", argv.join(", "));
                ("helper", String::new(), table)
            }
        }
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn init(cx: &Context) -> Outcome {
    if !cx.out.asks {
        return Err(Trouble::usage(
            "config init asks, and nobody is there to answer",
            "run it on a terminal, or write the files after the samples in config/",
        ));
    }
    let (paths, client, server) = paths(cx)?;
    let files = [paths.policy_file(), server.clone(), client.clone()];
    // Said before anything is asked: answers that come to nothing annoy.
    absent(std::slice::from_ref(&client))?;
    let answers = ask(cx.out)?;
    let written = if let Some(url) = &answers.url {
        write::new_file(&client, &format!("[store]\nurl = {}\n", toml::Value::from(url.as_str())))?;
        vec![client.clone()]
    } else {
        absent(&files)?;
        let (made, policy) = first_files(&answers, &paths);
        let texts = [policy.as_str(), made.server.as_str(), CLIENT];
        for (file, text) in files.iter().zip(texts) {
            write::new_file(file, text)?;
        }
        files.to_vec()
    };
    let (_, faults) = judge(&paths, &client, &server, cx.kinds);
    let mut page = faults_page(&faults);
    for file in &written {
        page.line(format!("wrote {}", file.display()));
    }
    page.line("next:");
    for command in next(&answers) {
        page.line(format!("  {command}"));
    }
    cx.out.page(&page)?;
    Ok(if faults.iter().all(|fault| fault.warning) { Exit::Done } else { Exit::Usage })
}

/// Refuses what is there already.
fn absent(files: &[PathBuf]) -> Result<(), Trouble> {
    let Some(there) = files.iter().find(|file| file.exists()) else { return Ok(()) };
    Err(Trouble::usage(
        format!("{} is there already, and is not overwritten", there.display()),
        "nightlatch config check looks at it; move it away to begin anew",
    ))
}

/// `config.toml` beside a store of one's own: the embedded one needs no address.
const CLIENT: &str = "# How one person's programs find their store. Without an address it is the one on this machine.\n\
                      # [store]\n# url = \"https://nightlatch.example\"\n";

fn next(answers: &Answers) -> [String; 3] {
    match (&answers.url, &answers.system) {
        (Some(url), _) => [format!("nightlatch login {url}"), "nightlatch whoami".into(), "nightlatch systems".into()],
        (None, system) => {
            let (system, role) = system.as_ref().map_or(("sandbox", "read"), |s| (s.id.as_str(), s.role.as_str()));
            [
                "nightlatch policy check".into(),
                format!("nightlatch request {system} {role} --for 15m --task \"Try it: see the access come and go\""),
                "nightlatch board --once".into(),
            ]
        }
    }
}

fn ask(out: Output) -> Result<Answers, Trouble> {
    let known = account::own().and_then(|own| own.real_name).unwrap_or_default();
    let or = |question: &str, default: &str| -> Result<String, Trouble> {
        let answer = out.ask(&format!("{question} [{default}]:"))?;
        Ok(answer.filter(|answer| !answer.is_empty()).unwrap_or_else(|| default.to_owned()))
    };
    let name = or("your name", &known)?;
    loop {
        let store = or("the store: here, or the address of a host", "here")?;
        if store == "here" {
            break;
        }
        match store.parse::<Address>() {
            Ok(url) => return Ok(Answers { name, url: Some(url.to_string()), system: None }),
            Err(bad) => out.remark(format!("  {}; {}", bad.sentence, bad.cure)),
        }
    }
    out.remark("A sandbox that can do no harm is there in any case, to try everything alone.");
    let Some(id) = ask_name(out, "a real system to begin with, such as payments (empty: only the sandbox):")? else {
        return Ok(Answers { name, url: None, system: None });
    };
    let environment = or("its environment", "production")?;
    let backup = out.ask("who stands in for you as its owner, their full name (empty: nobody yet):")?;
    let backup = backup.filter(|name| !name.is_empty()).map(|name| (person_of(&name), name));
    let role = ask_name(out, "its first role [read]:")?.unwrap_or_else(|| "read".into());
    let allows = out.ask_for(&format!("what {role} allows, in plain words:"))?;
    let acts = ask_acts(out)?;
    Ok(Answers { name, url: None, system: Some(FirstSystem { id, environment, backup, role, allows, acts }) })
}

/// Where the first role acts.
fn ask_acts(out: Output) -> Result<Acts, Trouble> {
    loop {
        let question =
            "where it acts: sandbox, postgres://USER@HOST/DATABASE, or a helper program with its arguments [sandbox]:";
        let answer = out.ask(question)?.unwrap_or_default();
        if answer.is_empty() || answer == "sandbox" {
            return Ok(Acts::Sandbox);
        }
        if !answer.starts_with("postgres://") && !answer.starts_with("postgresql://") {
            return Ok(Acts::Helper(answer.split_whitespace().map(str::to_owned).collect()));
        }
        if crate::policy::secrets::holds_secret(&answer).is_some() {
            out.remark("  leave the password out: it is read from a file of its own, which is asked for next");
            continue;
        }
        let member_of = out.ask_for("the role in that server that is given, such as app_read:")?;
        let file =
            out.ask("the file that holds nightlatch's own password there, mode 0600 (empty: none is needed):")?;
        return Ok(Acts::Postgres { url: answer, member_of, password_file: file.filter(|file| !file.is_empty()) });
    }
}

/// A name as the policy takes it; none where the answer is empty.
fn ask_name(out: Output, question: &str) -> Result<Option<String>, Trouble> {
    loop {
        match out.ask(question)?.filter(|answer| !answer.is_empty()) {
            Some(answer) if !is_name(&answer) => out.remark("  use 1 to 32 of a-z, 0-9 and -, beginning with a letter"),
            answer => return Ok(answer),
        }
    }
}

/// The first files' texts: the starter's, and the system that was named.
fn first_files(answers: &Answers, paths: &Paths) -> (Starter, String) {
    let own = account::own().map(|own| own.name).unwrap_or_default();
    let zone = super::times::zone(None);
    let made = starter(&Start {
        account: &own,
        real_name: Some(&answers.name),
        zone: zone.name(),
        sandbox: &paths.data.join("sandbox"),
        store: &paths.store_file(),
        socket: &paths.socket(),
    });
    let more = answers.system.as_ref().map(|system| more(system, &made.person)).unwrap_or_default();
    let policy = format!("{}{more}", made.policy);
    (made, policy)
}

fn more(system: &FirstSystem, person: &str) -> String {
    // A name that does not fit the grammar must not break the file: the check then says what is wrong with it.
    let key = |text: &str| if is_name(text) { text.to_owned() } else { quoted(text) };
    let (id, role) = (key(&system.id), quoted(&system.role));
    let (backup, people) = match &system.backup {
        Some((id, name)) => (id.as_str(), format!("\n[people.{}]\nname = {}\n", key(id), quoted(name))),
        None => (person, String::new()),
    };
    let (provisioner, with, table) = system.acts.tables();
    // Alone, one must decide about oneself, or could never be approved.
    let alone = if system.backup.is_none() { "self_approval = true\n" } else { "" };
    format!(
        "{people}\n[systems.{id}]\nname = {}\nenvironment = {}\nowner = {}\nbackup = {}\n{alone}[[systems.{id}.roles]]\n\
         name = {role}\nallows = {}\nprovisioner = \"{provisioner}\"\n{with}{table}",
        quoted(&system.id),
        quoted(&system.environment),
        quoted(person),
        quoted(backup),
        quoted(&system.allows),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Source, read};

    fn faults(system: Option<FirstSystem>) -> Vec<String> {
        let answers = Answers { name: "Ana Ruiz".into(), url: None, system };
        let (_, text) = first_files(&answers, &Paths::below(Path::new("/x")));
        let read = read(&Source::one("policy.toml", &text), &["files", "command", "postgres"]);
        read.map_or_else(|faults| faults, |_| Vec::new()).iter().map(ToString::to_string).collect()
    }

    fn system() -> FirstSystem {
        FirstSystem {
            id: "payments".into(),
            environment: "production".into(),
            backup: Some(("li-wei".into(), "Li Wei".into())),
            role: "restart".into(),
            allows: "Restart the \"workers\"".into(),
            acts: Acts::Helper(["/usr/local/lib/nightlatch/helper", "--mount", "prod"].map(str::to_owned).to_vec()),
        }
    }

    #[test]
    fn the_first_files_are_sound_whatever_was_answered() {
        assert_eq!(faults(None), Vec::<String>::new());
        assert_eq!(faults(Some(system())), Vec::<String>::new());
        let postgres = |password_file| Acts::Postgres {
            url: "postgres://nightlatch@db.example/app?sslmode=verify-full".into(),
            member_of: "app; \"read\"".into(),
            password_file,
        };
        for acts in [Acts::Sandbox, postgres(None), postgres(Some("/run/secrets/\"db\"".into()))] {
            assert_eq!(faults(Some(FirstSystem { backup: None, acts, ..system() })), Vec::<String>::new());
        }
    }

    #[test]
    fn an_answer_that_is_no_name_is_a_fault_and_no_broken_file() {
        let told = faults(Some(FirstSystem { id: "Pay \"roll".into(), ..system() }));
        assert!(!told.is_empty());
        assert!(told.iter().all(|fault| !fault.contains("TOML")), "{told:?}");
    }

    #[test]
    fn the_next_commands_fit_what_was_made() {
        let answers = Answers { system: Some(system()), ..Answers::default() };
        assert!(next(&answers)[1].starts_with("nightlatch request payments restart --for 15m"));
        let answers = Answers { url: Some("https://nl.example".into()), ..Answers::default() };
        assert_eq!(next(&answers)[0], "nightlatch login https://nl.example");
    }
}
