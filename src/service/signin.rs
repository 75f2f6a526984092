//! Who somebody is: by the socket's peer, by a token, by a one-time invitation.

use super::{Answered, Fault, Key, Presented, Service};
use crate::access::command::Command;
use crate::access::{Actor, Code, Refusal, Subject, Via};
use crate::secret::{self, Secret};
use crate::store::TokenRow;
use crate::text::{Instant, Length};
use crate::wire::{INVITATION_PREFIX, LoginBody, LoginView, TOKEN_PREFIX};
use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// How long an invitation holds.
pub const INVITATION: Length = Length::from_minutes(10);
/// A token's last use is noted no finer than this.
const NOTED: Length = Length::from_minutes(1);
/// How long a personal token holds that `login` stores.
pub const PERSONAL: Length = Length::from_hours(24 * 90);

/// A fresh token or invitation: what to show once, and what to store.
pub struct Minted {
    /// Shown once.
    pub secret: Secret,
    /// Its number.
    pub id: i64,
    /// What the store keeps.
    pub hash: String,
}

/// Mints a token or an invitation.
pub fn mint(invitation: bool) -> Result<Minted, secret::NoChance> {
    let prefix = if invitation { INVITATION_PREFIX } else { TOKEN_PREFIX };
    let secret = Secret::new(format!("{prefix}{}", secret::hex::<32>()?));
    let id = i64::from(u32::from_le_bytes(secret::bytes::<4>()?)) + 1;
    let hash = secret::token_hash(&secret);
    Ok(Minted { secret, id, hash })
}

fn unknown() -> Fault {
    Fault::Refused(Refusal::new(
        Code::NotSignedIn,
        "this token is not valid, or not any more",
        "sign in again with nightlatch login; an admin makes the code with nightlatch admin invite",
    ))
}

/// What somebody waits for: the row of a token's hash.
type Found = Answered<Option<TokenRow>>;

/// Hashes that wait to be looked up: those that come while one reading runs share the next. Nothing is kept from one reading to
/// the next, so a token that was revoked opens nothing from then on.
#[derive(Default)]
pub(super) struct Lookups(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    /// Somebody looks them up.
    running: bool,
    hashes: Vec<(String, oneshot::Sender<Found>)>,
}

impl Lookups {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    /// The row of this hash, read after it was asked for.
    async fn look_up(&self, hash: String) -> Found {
        let (answer, answered) = oneshot::channel();
        let begins = {
            let mut waiting = self.inner.tokens.lock();
            waiting.hashes.push((hash, answer));
            !std::mem::replace(&mut waiting.running, true)
        };
        if begins {
            // Of its own, so that whoever hangs up takes nobody's answer along.
            tokio::spawn(self.clone().look_up_all());
        }
        answered.await.unwrap_or_else(|_| Err(Fault::Away("the service is stopping: try again".into())))
    }

    async fn look_up_all(self) {
        loop {
            // Whoever is about to ask comes along: others run once, and again as long as that brings more.
            let mut before = 0;
            loop {
                let wait = self.inner.tokens.lock().hashes.len();
                if wait <= before {
                    break;
                }
                before = wait;
                tokio::task::yield_now().await;
            }
            let some = {
                let mut waiting = self.inner.tokens.lock();
                waiting.running = !waiting.hashes.is_empty();
                std::mem::take(&mut waiting.hashes)
            };
            if some.is_empty() {
                return;
            }
            let hashes: BTreeSet<&str> = some.iter().map(|(hash, _)| hash.as_str()).collect();
            let found = self.inner.store.tokens_by_hash(&hashes.into_iter().collect::<Vec<_>>()).await;
            for (hash, answer) in some {
                let of = |rows: &Vec<TokenRow>| rows.iter().find(|row| row.hash == hash).cloned();
                drop(answer.send(found.as_ref().map(of).map_err(|fault| fault.clone().into())));
            }
        }
    }

    pub(super) async fn do_sign_in(&self, presented: &Presented) -> Answered<Actor> {
        let ruling = self.ruling().await?;
        match presented {
            Presented::Socket(account) => {
                if let Some((id, _)) = ruling.policy.by_os_user(account) {
                    Ok(Actor::Person(id.clone(), Via::Socket))
                } else {
                    let account = crate::text::Clean::line(account);
                    Err(Fault::Refused(Refusal::new(
                        Code::NotSignedIn,
                        format!("the account {account} is nobody in the policy"),
                        format!("add os_user = \"{account}\" under [people.…] in {}", self.inner.options.policy_name),
                    )))
                }
            }
            Presented::Token(token) => {
                let row = self.token(token, TOKEN_PREFIX).await?;
                let id = row.person;
                if ruling.policy.person(&id).is_none() {
                    return Err(Fault::Refused(Refusal::new(
                        Code::NotSignedIn,
                        format!("{id} is nobody in the policy any more"),
                        "ask an admin",
                    )));
                }
                let at = self.now().at;
                // Noted to the minute, and never waited for: reading with a token must not wait for the writer.
                if row.used_at.is_none_or(|used| at.since(used) >= NOTED) {
                    let store = self.inner.store.clone();
                    tokio::spawn(async move {
                        if let Err(error) = store.touch_token(row.id, at).await {
                            tracing::debug!(%error, "a token's last use was not noted");
                        }
                    });
                }
                Ok(Actor::Person(id, Via::Token))
            }
        }
    }

    /// The row of a secret that is valid now. What is looked up is its hash, so a stolen hash opens nothing.
    async fn token(&self, token: &Secret, prefix: &str) -> Answered<TokenRow> {
        if !token.reveal().starts_with(prefix) || token.reveal().len() > 200 {
            return Err(unknown());
        }
        let hash = secret::token_hash(token);
        let row = self.look_up(hash).await?.ok_or_else(unknown)?;
        let at = self.now().at;
        let ended = row.revoked_at.is_some() || row.expires_at.is_some_and(|expires| expires <= at);
        let invitation = prefix == INVITATION_PREFIX;
        if ended || row.invitation != invitation { Err(unknown()) } else { Ok(row) }
    }

    pub(super) async fn do_login(&self, body: &LoginBody) -> Answered<LoginView> {
        let code = Secret::new(body.code.trim());
        let bad = || {
            Fault::Refused(Refusal::new(
                Code::NotSignedIn,
                "this code is not valid, or was used already",
                "a code holds ten minutes and works once: ask an admin for nightlatch admin invite",
            ))
        };
        let row = self.token(&code, INVITATION_PREFIX).await.map_err(|fault| match fault {
            Fault::Refused(_) => bad(),
            other => other,
        })?;
        let person = row.person;
        let actor = Actor::Person(person.clone(), Via::Session);
        let subject = Some(Subject::Person(person.clone()));
        // The key makes the code work once, whatever arrives at the same time.
        let key = Key { key: format!("invitation-{}", row.id), body_hash: row.id.to_string() };
        let used =
            Command::EndToken { token: row.id, person: person.clone(), name: row.name, invitation: true, used: true };
        if self.send(&actor, subject.clone(), used, Some(&key)).await?.replay {
            return Err(bad());
        }
        let minted = mint(false).map_err(|error| Fault::Broken(error.to_string()))?;
        let expires_at: Option<Instant> = Some(self.now().at.plus(PERSONAL));
        let name = crate::text::Clean::line(&body.name).cut(60).to_string();
        let made = Command::CreateToken {
            person: person.clone(),
            name,
            invitation: false,
            hash: minted.hash,
            expires_at,
            token: minted.id,
        };
        self.send(&actor, subject, made, None).await?;
        let ruling = self.ruling().await?;
        Ok(LoginView {
            token: minted.secret.reveal().to_owned(),
            person: super::view::person(&ruling.policy, &person),
            expires_at,
        })
    }

    pub(super) async fn do_logout(&self, actor: &Actor, token: &Secret) -> Answered<()> {
        let row = self.token(token, TOKEN_PREFIX).await?;
        let person = row.person;
        let subject = Some(Subject::Person(person.clone()));
        let command = Command::EndToken { token: row.id, person, name: row.name, invitation: false, used: false };
        self.send(actor, subject, command, None).await.map(drop)
    }
}
