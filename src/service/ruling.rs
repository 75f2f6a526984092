//! Policies by their hash: the one that rules, and those that older grants still keep to.

use super::{Answered, Fault};
use crate::access::event::Placement;
use crate::access::window::Window;
use crate::access::{Request, RequestNumber};
use crate::policy::{self, Policy, Source};
use crate::provision::{KINDS, Provisioner, Spec, Table, UserFacts, mark};
use crate::store::Store;
use crate::text::{PersonId, RoleId, SystemId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// One policy version with its provisioners.
#[derive(Debug)]
pub(crate) struct Ruling {
    pub hash: String,
    pub policy: Policy,
    pub table: Table,
}

/// What makes rules and targets of a policy's text.
pub type Reader = Arc<dyn Fn(&str) -> Result<(Policy, Table, Vec<String>), Vec<String>> + Send + Sync>;

/// Reads a policy's text, provisioners included. The sentences name file, line and cure.
pub fn read_policy(text: &str, base: &std::path::Path) -> Result<(Policy, Table, Vec<String>), Vec<String>> {
    let source = Source::from_text(text).map_err(|bad| vec![bad.to_string()])?;
    let say = |faults: Vec<policy::Fault>| faults.iter().map(ToString::to_string).collect::<Vec<_>>();
    let (policy, warnings) = policy::read(&source, KINDS).map_err(say)?;
    let table = Table::from_policy(&policy.provisioners, base)?;
    Ok((policy, table, say(warnings)))
}

/// SHA-256 of a policy's text, in hex.
pub fn policy_hash(text: &str) -> String {
    crate::trail::Link::of(&[text.as_bytes()]).to_string()
}

/// The versions that this replica has needed so far.
pub(crate) struct Rulings {
    store: Store,
    read: Reader,
    known: Mutex<HashMap<String, Arc<Ruling>>>,
}

impl Rulings {
    pub fn new(store: Store, read: Reader) -> Self {
        Self { store, read, known: Mutex::default() }
    }

    /// The version of this hash, read from the store when it is not known yet.
    pub async fn of(&self, hash: &str) -> Answered<Arc<Ruling>> {
        if let Some(known) = self.known(hash) {
            return Ok(known);
        }
        let text = self.store.policy_text(hash).await?;
        let text = text.ok_or_else(|| Fault::Broken(format!("the policy version {hash} is not in the store")))?;
        let (policy, table, _) =
            (self.read)(&text).map_err(|faults| Fault::Broken(format!("policy {hash}: {}", faults.join("; "))))?;
        let ruling = Arc::new(Ruling { hash: hash.to_owned(), policy, table });
        self.lock().insert(hash.to_owned(), ruling.clone());
        Ok(ruling)
    }

    /// The version of this hash, if it was needed before.
    pub fn known(&self, hash: &str) -> Option<Arc<Ruling>> {
        self.lock().get(hash).cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Ruling>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a grant would be, as a provisioner is told.
pub(crate) struct Shape<'a> {
    pub number: RequestNumber,
    pub user: &'a PersonId,
    pub system: &'a SystemId,
    pub environment: &'a str,
    pub role: &'a RoleId,
    pub window: Window,
}

impl Ruling {
    /// The provisioner and the spec of `shape`; `None` when the policy does not know its system, role or person.
    pub fn spec(&self, store: &str, shape: &Shape<'_>) -> Option<(Arc<dyn Provisioner>, Spec)> {
        let system = self.policy.systems.get(shape.system)?;
        let role = system.role(shape.role.as_str())?;
        let provisioner = self.table.get(&role.provisioner)?.clone();
        let person = self.policy.person(shape.user)?;
        let number = u64::try_from(shape.number.0).ok()?;
        let spec = Spec {
            mark: mark(store, number, shape.user.as_str()),
            request: number,
            user: UserFacts { id: shape.user.clone(), name: person.name.clone(), email: person.email.clone() },
            system: shape.system.clone(),
            environment: shape.environment.to_owned(),
            role: shape.role.clone(),
            with: role.with.clone(),
            from: shape.window.from,
            until: shape.window.until,
        };
        Some((provisioner, spec))
    }

    /// Where `role` of the request's system goes.
    pub fn placement(&self, store: &str, request: &Request, role: &RoleId) -> Option<Placement> {
        let at = request.filed_at;
        let shape = Shape { role, window: Window { from: at, until: at }, ..shape(request) };
        let (provisioner, spec) = self.spec(store, &shape)?;
        let target = provisioner.target().to_owned();
        let access_key = format!("{target}/{}", provisioner.key(&spec));
        Some(Placement { access_key, target, bound: provisioner.bound() })
    }
}

/// The shape of a request as it stands: its own role and window once approved.
pub(crate) fn shape(request: &Request) -> Shape<'_> {
    let window =
        request.held().map_or_else(|| request.ask.asked.window_if_approved(request.filed_at), |held| held.window);
    Shape {
        number: request.number,
        user: &request.ask.user,
        system: &request.ask.system,
        environment: &request.ask.environment,
        role: request.role(),
        window,
    }
}
