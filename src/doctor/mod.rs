//! The doctor: looks at everything that this installation needs, and says a cure for each fault. Changes nothing.

mod hooks;
mod look;
pub mod notify;

use crate::config::server::PolicyFrom;
use crate::config::{self, PolicyFile};
use crate::provision::Table;
use crate::service::{host, read_policy};
use crate::store::Store;
use look::Looks;
pub use look::{Finding, Look};
use std::path::Path;

/// Looks at the installation that `server.toml` describes. `progress` hears what is being looked at.
pub async fn examine(file: &Path, progress: &mut (dyn FnMut(&str) + Send)) -> Vec<Look> {
    let mut looks = Looks::default();
    progress("configuration");
    let server = match config::Server::load(file) {
        Ok((server, warnings)) => {
            looks.say("configuration", Finding::Ok, format!("{} is without fault", file.display()));
            for warning in warnings {
                looks.say("configuration", Finding::Warning, warning.to_string());
            }
            server
        }
        Err(faults) => {
            for fault in faults {
                looks.say("configuration", Finding::Fault, fault.to_string());
            }
            return looks.0;
        }
    };
    for fault in server.check_files() {
        looks.say("files", Finding::Fault, fault.to_string());
    }
    progress("clock");
    clock(&mut looks);
    progress("store");
    let store = match host::open_store(&server, host::clock(), false).await {
        Ok(store) => store,
        Err(fault) => {
            looks.say("store", Finding::Fault, fault);
            return looks.0;
        }
    };
    looks.say("store", Finding::Ok, format!("store {} opens", store.id()));
    let text = policy_text(&server, &store, &mut looks).await;
    if let Some(text) = text {
        progress("targets");
        targets(&text, &host::base(&server), &mut looks).await;
    }
    if !server.webhooks.is_empty() {
        progress("webhooks");
    }
    hooks::look(&server, &store, &mut looks).await;
    progress("trail");
    trail(&store, &mut looks, progress).await;
    store.close().await;
    looks.0
}

fn clock(looks: &mut Looks) {
    if host::clock().now().sane {
        looks.say("clock", Finding::Ok, "the clock agrees with elapsed time");
    } else {
        looks.say("clock", Finding::Fault, "the clock jumped: mend it, or run nightlatch admin clock accept");
    }
}

/// The text of the policy that rules, or would.
async fn policy_text(server: &config::Server, store: &Store, looks: &mut Looks) -> Option<String> {
    let ruling = store.head().await.ok().map(|head| head.policy).filter(|hash| !hash.is_empty());
    if let PolicyFrom::File(path) = &server.policy {
        match PolicyFile::load(path) {
            Ok(file) => {
                let text = file.source.to_text();
                match read_policy(&text, &host::base(server)) {
                    Ok((_, _, warnings)) => {
                        looks.say("policy", Finding::Ok, format!("{} is without fault", path.display()));
                        for warning in warnings {
                            looks.say("policy", Finding::Warning, warning);
                        }
                        return Some(text);
                    }
                    Err(faults) => {
                        for fault in faults {
                            looks.say("policy", Finding::Fault, fault);
                        }
                    }
                }
            }
            Err(faults) => {
                for fault in faults {
                    looks.say("policy", Finding::Fault, fault.to_string());
                }
            }
        }
    }
    let Some(hash) = ruling else {
        looks.say(
            "policy",
            Finding::Fault,
            "no policy rules yet: start the server with one, or run nightlatch policy apply",
        );
        return None;
    };
    match store.policy_text(&hash).await {
        Ok(text) => text,
        Err(error) => {
            looks.say("policy", Finding::Fault, error.to_string());
            None
        }
    }
}

async fn targets(text: &str, base: &Path, looks: &mut Looks) {
    let table = match read_policy(text, base) {
        Ok((_, table, _)) => table,
        Err(_) => Table::default(),
    };
    for (name, provisioner) in table.iter() {
        let what = format!("target {name}");
        let probe = tokio::time::timeout(provisioner.time_limit().to_std(), provisioner.probe());
        match probe.await {
            Ok(Ok(())) if provisioner.second_lock() => {
                looks.say(&what, Finding::Ok, "it answers, and ends an access by itself too");
            }
            Ok(Ok(())) => looks.say(&what, Finding::Ok, "it answers"),
            Ok(Err(fault)) => looks.say(&what, Finding::Fault, fault.sentence),
            Err(_) => looks.say(&what, Finding::Fault, "it does not answer in time: look at the target"),
        }
    }
}

async fn trail(store: &Store, looks: &mut Looks, progress: &mut (dyn FnMut(&str) + Send)) {
    let mut each = |events: i64, requests: i64| {
        if (events + requests) % 1000 == 0 {
            progress(&format!("trail: {events} events, {requests} requests"));
        }
    };
    match store.check(&mut each).await {
        Ok(whole) if whole.faults.is_empty() => {
            let (events, requests) = (whole.events, whole.requests);
            looks.say(
                "trail",
                Finding::Ok,
                format!("{events} events in one chain; {requests} requests are what it says"),
            );
        }
        Ok(whole) => {
            for fault in whole.faults {
                let cure = "keep this store as evidence, and restore a backup that verifies";
                looks.say("trail", Finding::Tampered, format!("{fault}; {cure}"));
            }
        }
        Err(error) => looks.say("trail", Finding::Fault, error.to_string()),
    }
}
