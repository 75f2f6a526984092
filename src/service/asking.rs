//! What comes in as words becomes the five details: names, instants in their zone, kind, approver.

use super::ruling::Ruling;
use super::{Answered, Fault, Key, Service};
use crate::access::command::{Command, Filing, Prepared};
use crate::access::window::{Asked, End};
use crate::access::{Actor, Refusal, Request, RequestNumber, Subject};
use crate::checks::{self, Open, Past};
use crate::policy::{Kind, Policy, Role, System};
use crate::text::{Instant, Length, PersonId, SystemId};
use crate::wire::{AmendBody, ChecksView, FileBody, RequestView, WindowBody, WindowView};
use chrono_tz::Tz;
use futures_util::future::BoxFuture;
use std::sync::Arc;

/// An emergency without a kind named: a ticket and at most this long.
const EMERGENCY: Length = Length::from_minutes(90);

/// A name from outside, with the field that it came in.
pub(super) fn name<T: std::str::FromStr>(field: &str, text: &str) -> Answered<T>
where
    T::Err: std::fmt::Display,
{
    text.parse().map_err(|bad: T::Err| Fault::Refused(Refusal::malformed(field, bad, "nightlatch systems lists names")))
}

/// The zone that local times are read in: named, else the person's own.
pub(super) fn zone(policy: &Policy, actor: &Actor, named: Option<&str>) -> Answered<Tz> {
    match named {
        Some(named) => named.parse().map_err(|_| {
            Fault::Refused(Refusal::malformed("zone", "is not the name of a zone", "write it as Europe/London"))
        }),
        None => Ok(actor.person().and_then(|id| policy.person(id)).map_or(policy.zone, |person| person.zone)),
    }
}

pub(super) fn instant(field: &str, text: Option<&str>, zone: Tz, now: Instant) -> Answered<Option<Instant>> {
    let Some(text) = text else { return Ok(None) };
    crate::text::instant::resolve(text, zone, now)
        .map(|resolved| Some(resolved.at))
        .map_err(|bad| Fault::Refused(Refusal::malformed(field, bad, "write it as 00:30, or 2026-11-22T00:30:00Z")))
}

pub(super) fn length(seconds: Option<i64>) -> Answered<Option<Length>> {
    match seconds {
        Some(seconds) if seconds <= 0 || seconds > 31 * 86_400 => {
            Err(Fault::Refused(Refusal::malformed("for", "is no length of 1 second to 31 days", "write it as 45m")))
        }
        other => Ok(other.map(Length::from_seconds)),
    }
}

/// The window as asked for: exactly one of an end and a length.
pub(super) fn asked(window: &WindowBody, zone: Tz, now: Instant) -> Answered<Asked> {
    let from = instant("from", window.from.as_deref(), zone, now)?;
    let until = instant("until", window.until.as_deref(), zone, now)?;
    let end = match (until, length(window.for_seconds)?) {
        (Some(until), None) => End::Until(until),
        (None, Some(length)) => End::For(length),
        (Some(_), Some(_)) => {
            return Err(Fault::Refused(Refusal::malformed("until", "and for are both named", "name one of them")));
        }
        (None, None) => {
            return Err(Fault::Refused(Refusal::malformed("until", "names no end", "name --until 00:30 or --for 45m")));
        }
    };
    Ok(Asked { from, end })
}

/// Who is asked first now; the owner where the policy lets them decide on their own.
pub(super) fn first(
    policy: &Policy,
    system: &SystemId,
    kind: Kind,
    not: &[&PersonId],
    at: Instant,
) -> Option<PersonId> {
    let system = policy.systems.get(system)?;
    checks::may_decide(policy, system, kind, at, not).into_iter().map(|(who, _)| who).next()
}

/// The approver whom somebody names. `lead` is the incident lead on duty, where nobody is called so.
pub(super) fn named(policy: &Policy, approver: &str, kind: Kind, not: &[&PersonId], at: Instant) -> Answered<PersonId> {
    let id: PersonId = name("approver", approver)?;
    if approver != "lead" || policy.person(&id).is_some() {
        return Ok(id);
    }
    let no = |sentence: &str, hint: &str| Err(Fault::Refused(Refusal::malformed("approver", sentence, hint)));
    let Some(leads) = &policy.leads else {
        return no("lead: the policy names no incident leads", "name a person, or write leads = \"…\" in the policy");
    };
    if !policy.kinds.of(kind).lead_may_approve {
        return no(
            &format!("lead: the incident lead does not decide {kind} requests"),
            "leave it out, and it goes to who is on duty; or file it as an emergency",
        );
    }
    match policy.on_duty(leads, at) {
        Some(lead) if not.iter().any(|own| policy.same_person(own, &lead)) => {
            no("lead: you lead incidents now, and do not decide on your own request", "leave it out")
        }
        Some(lead) => Ok(lead),
        None => no("lead: no incident lead is on duty now", "leave it out, and it goes to who can say yes now"),
    }
}

/// What the checks look at, for a request that exists.
pub(super) fn view<'a>(
    ruling: &'a Ruling,
    request: &'a Request,
    task: &'a str,
    open: &'a [Open],
    past: &'a Past,
    at: Instant,
) -> Option<checks::View<'a>> {
    let system = ruling.policy.systems.get(&request.ask.system)?;
    let role = system.role(request.ask.role.as_str())?;
    let window = request.ask.asked.window_if_approved(at);
    Some(checks::View {
        policy: &ruling.policy,
        system,
        role,
        kind: request.ask.kind,
        task,
        ticket: request.ask.ticket.as_deref(),
        requester: &request.requester,
        user: &request.ask.user,
        approver: &request.ask.approver,
        length: window.length(),
        until: window.until,
        open,
        past,
        at,
    })
}

impl Service {
    pub(super) async fn do_file(&self, actor: &Actor, body: FileBody, key: Key) -> Answered<RequestView> {
        self.ready()?;
        let body = &body;
        let make = |ruling: Arc<Ruling>| -> BoxFuture<'_, _> {
            Box::pin(async move {
                let filing = self.filing(&ruling, actor, body)?;
                let prepared = self.check(&ruling, actor, &filing, None, 0).await?;
                Ok(Command::File { filing, anyway: body.anyway, prepared })
            })
        };
        let done = self.work_out(actor, None, &key, make).await?;
        self.answer(actor, done).await
    }

    pub(super) async fn do_checks(&self, actor: &Actor, body: FileBody) -> Answered<ChecksView> {
        let ruling = self.ruling().await?;
        let now = self.now();
        let filing = self.filing(&ruling, actor, &body)?;
        let prepared = self.check(&ruling, actor, &filing, None, 0).await?;
        let zone = zone(&ruling.policy, actor, body.window.zone.as_deref())?;
        let remarks = [&body.window.from, &body.window.until]
            .into_iter()
            .flatten()
            .filter_map(|text| crate::text::instant::resolve(text, zone, now.at).ok()?.remark)
            .collect();
        let window = filing.asked.window_if_approved(now.at);
        Ok(ChecksView {
            checks: prepared.checks,
            kind: filing.kind,
            approver: Some(super::view::person(&ruling.policy, &filing.approver)),
            window: WindowView { from: Some(window.from), until: Some(window.until) },
            remarks,
        })
    }

    pub(super) async fn do_amend(
        &self,
        actor: &Actor,
        id: RequestNumber,
        body: AmendBody,
        key: Key,
    ) -> Answered<RequestView> {
        self.ready()?;
        let body = &body;
        let make = |ruling: Arc<Ruling>| -> BoxFuture<'_, _> {
            Box::pin(async move {
                let request = self.visible(actor, id).await?;
                let texts = self.texts(&[request.ask.task.id]).await?;
                let before = texts.get(&request.ask.task.id).cloned().unwrap_or_default();
                let filing = self.amended(&ruling, actor, &request, &before, body)?;
                let task_changed = filing.task.trim() != before;
                let prepared = self.check(&ruling, actor, &filing, Some(id), request.ask_seq).await?;
                Ok(Command::Amend { filing, anyway: body.anyway, prepared, task_changed })
            })
        };
        let done = self.work_out(actor, Some(Subject::Request(id)), &key, make).await?;
        self.answer(actor, done).await
    }

    /// The five details of a new request.
    fn filing(&self, ruling: &Ruling, actor: &Actor, body: &FileBody) -> Answered<Filing> {
        let now = self.now().at;
        let policy = &ruling.policy;
        let person = Self::person(ruling, actor)?;
        let system: SystemId = name("system", &body.system)?;
        let asked = asked(&body.window, zone(policy, actor, body.window.zone.as_deref())?, now)?;
        let short = asked.length(now) <= EMERGENCY;
        let kind = body.kind.unwrap_or(if body.ticket.is_some() && short { Kind::Emergency } else { Kind::Planned });
        let user = body.user.as_deref().map_or_else(|| Ok(person.clone()), |user| name("user", user))?;
        let approver = match &body.approver {
            Some(approver) => named(policy, approver, kind, &[&person, &user], now)?,
            None => first(policy, &system, kind, &[&person, &user], now)
                .or_else(|| policy.systems.get(&system).map(|system| system.owner.clone()))
                .unwrap_or_else(|| person.clone()),
        };
        Ok(Filing {
            system,
            role: name("role", &body.role)?,
            task: body.task.clone(),
            asked,
            kind,
            ticket: body.ticket.clone().filter(|ticket| !ticket.is_empty()),
            user,
            approver,
        })
    }

    /// The five details of a mended one: what is left out stays.
    fn amended(
        &self,
        ruling: &Ruling,
        actor: &Actor,
        request: &Request,
        task: &str,
        body: &AmendBody,
    ) -> Answered<Filing> {
        let ask = &request.ask;
        let now = self.now().at;
        let mut window = ask.asked;
        if let Some(body) = &body.window {
            let zone = zone(&ruling.policy, actor, body.zone.as_deref())?;
            window.from = instant("from", body.from.as_deref(), zone, now)?.or(window.from);
            if body.until.is_some() || body.for_seconds.is_some() {
                window.end = asked(body, zone, now)?.end;
            }
        }
        let other = |field, text: &Option<String>, was: &PersonId| {
            text.as_deref().map_or_else(|| Ok(was.clone()), |text| name(field, text))
        };
        // A start that has passed meanwhile is no start in the past: it begins at approval.
        window.from = window.from.filter(|from| body.window.as_ref().is_some_and(|w| w.from.is_some()) || *from > now);
        Ok(Filing {
            system: ask.system.clone(),
            role: body.role.as_deref().map_or_else(|| Ok(ask.role.clone()), |role| name("role", role))?,
            task: body.task.clone().unwrap_or_else(|| task.to_owned()),
            asked: window,
            kind: body.kind.unwrap_or(ask.kind),
            ticket: body.ticket.clone().or_else(|| ask.ticket.clone()).filter(|ticket| !ticket.is_empty()),
            user: other("user", &body.user, &ask.user)?,
            approver: match &body.approver {
                Some(approver) => named(
                    &ruling.policy,
                    approver,
                    body.kind.unwrap_or(ask.kind),
                    &[&request.requester, &other("user", &body.user, &ask.user)?],
                    now,
                )?,
                None => ask.approver.clone(),
            },
        })
    }

    /// Runs the checks. A system or role that does not exist is left to `decide`, which names what does.
    async fn check(
        &self,
        ruling: &Ruling,
        actor: &Actor,
        filing: &Filing,
        number: Option<RequestNumber>,
        ask_seq: i64,
    ) -> Answered<Prepared> {
        let at = self.now().at;
        let person = Self::person(ruling, actor)?;
        let policy = &ruling.policy;
        let mut prepared = Prepared { policy: ruling.hash.clone(), ask_seq, checks: Vec::new(), placement: None };
        let system = policy.systems.get(&filing.system);
        if let Some((system, role)) = system.and_then(|s| Some((s, s.role(filing.role.as_str())?))) {
            let open = self.open_of(&filing.user, (system, role), number).await?;
            let past = self.past_of(ruling, &filing.user, (&filing.system, role), number).await?;
            let window = filing.asked.window_if_approved(at);
            prepared.checks = checks::run(&checks::View {
                policy,
                system,
                role,
                kind: filing.kind,
                task: &filing.task,
                ticket: filing.ticket.as_deref(),
                requester: &person,
                user: &filing.user,
                approver: &filing.approver,
                length: window.length(),
                until: window.until,
                open: open.as_slice(),
                past: &past,
                at,
            });
        }
        Ok(prepared)
    }

    /// The person who acts, known to the policy.
    pub(super) fn person(ruling: &Ruling, actor: &Actor) -> Answered<PersonId> {
        match actor.person() {
            Some(id) if ruling.policy.person(id).is_some() => Ok(id.clone()),
            _ => Err(Fault::Refused(Refusal::new(
                crate::access::Code::NotSignedIn,
                format!("{} is nobody in the policy", actor.id()),
                "ask an admin to add the person to the policy",
            ))),
        }
    }

    /// The user's first other open request on a system that gives this role, or asks for it.
    pub(super) async fn open_of(
        &self,
        user: &PersonId,
        (system, role): (&System, &Role),
        not: Option<RequestNumber>,
    ) -> Answered<Option<Open>> {
        use crate::access::Status::{Active, Approved, Granting, Pending};
        let at = self.now().at;
        let open = |request: &Request| {
            let other = request.ask.system == system.id && Some(request.number) != not;
            let covers = || checks::covers(system, request.role(), role);
            let live = || matches!(crate::access::status(request, at), Pending | Approved | Granting | Active);
            (other && covers() && live()).then(|| Open {
                number: request.number.to_string(),
                role: request.role().clone(),
                until: request
                    .held()
                    .map_or_else(|| request.ask.asked.window_if_approved(at).until, |held| held.window.until),
                held: request.held().is_some(),
            })
        };
        if self.is_current().await {
            return Ok(self.inner.board.open_of(user, open));
        }
        Ok(self.inner.store.open_of(user).await?.iter().find_map(open))
    }
}
