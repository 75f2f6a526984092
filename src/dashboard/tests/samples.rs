//! The night of the mock-ups.

use super::super::{Colours, Options};
use crate::text::Instant;
use crate::wire::{BoardView, MeView, RequestView, SystemsView};
use chrono_tz::Tz;
use serde_json::{Value, json};

/// Fourteen minutes past two at the dashboard.
pub const NOW: &str = "2026-11-22T01:14:00Z";

pub fn now() -> Instant {
    Instant::parse_rfc3339(NOW).unwrap()
}

/// So many seconds from now.
pub fn at(seconds: i64) -> Value {
    json!(now().plus(crate::text::Length::from_seconds(seconds)))
}

pub fn options(size: (u16, u16)) -> Options {
    Options { zone: Tz::Europe__Berlin, size, colours: Colours::True, ..Options::default() }
}

pub fn person(id: &str) -> Value {
    let (name, title) = match id {
        "ana" => ("Ana Ruiz", "Engineer"),
        "bo" => ("Bo Berg", "Payments Engineer"),
        "cy" => ("Cy Young", "Edge Engineer"),
        "dee" => ("Dee Moss", "Search Engineer"),
        "eli" => ("Eli Stern", "Data Engineer"),
        "kim" => ("Kim Park", "Database Engineer"),
        "li" => ("Li Wei", "Head of Orders"),
        "sam" => ("Sam Lee", "Head of Payments"),
        other => (other, "Engineer"),
    };
    json!({"id": id, "name": name, "title": title})
}

pub fn me() -> MeView {
    serde_json::from_value(json!({
        "person": person("sam"), "zone": "Europe/Berlin", "duties": [], "on_duty_for": ["payments-worker"],
        "on_duty_until": "2026-11-22T07:00:00Z", "backup": person("li"), "via": "socket", "store": "nl-7f3a",
    }))
    .unwrap()
}

pub fn systems() -> SystemsView {
    let role = |id: &str, contains: Value| json!({"id": id, "allows": format!("what {id} allows"), "longest_seconds": 7200, "contains": contains, "provisioner": "p"});
    let system = |id: &str, roles: Value| {
        json!({"id": id, "name": id, "environment": "production", "sensitive": false, "ticket": null, "frozen": false,
            "may_ask": true, "owner": person("sam"), "roles": roles,
            "who_can_say_yes": [[person("sam"), "owner"], [person("li"), "backup"]]})
    };
    serde_json::from_value(json!({"systems": [
        system("orders-db", json!([role("read", json!([])), role("write", json!(["read"]))])),
        system("edge-cache", json!([role("purge", json!([])), role("admin", json!(["purge"]))])),
        system("payments-worker", json!([role("restart", json!([]))])),
    ]}))
    .unwrap()
}

/// A request that waits, filed so many seconds ago.
pub fn pending(id: i64, who: &str, system: &str, role: &str, age: i64, task: &str) -> RequestView {
    serde_json::from_value(json!({
        "id": id, "seq": id * 10, "version": id * 10, "status": "pending", "overdue": false, "system": system,
        "environment": "production", "role": role, "role_asked": role, "allows": format!("{role}: what it allows in plain words"),
        "kind": "emergency", "task": task, "ticket": "INC-88", "ticket_url": "https://tracker.example/INC-88",
        "requester": person(who), "user": person(who), "approver": person("sam"), "filed_at": at(-age),
        "window": {"from": null, "until": null}, "asked_for_seconds": 5400, "until_if_approved_now": at(5400),
        "undecided_until": at(1800 - age), "checks": [
            {"code": "task", "verdict": "pass", "sentence": "one exact task"},
            {"code": "end", "verdict": "pass", "sentence": "it ends by itself after 1h 30m"},
            {"code": "approver", "verdict": "pass", "sentence": "Sam Lee may decide"},
            {"code": "record", "verdict": "warn", "sentence": format!("2nd request by {who} tonight (the first was not used)")}],
        "claim": null, "decision": null, "extension": null, "extensions": 0, "grant": null, "follow_up": null,
        "revisions": []
    }))
    .unwrap()
}

/// Access that was given so many seconds ago and ends in so many.
pub fn active(id: i64, who: &str, system: &str, role: &str, given: i64, left: i64) -> RequestView {
    let mut value =
        json!(pending(id, who, system, role, given + 60, "What was asked for before, and how one would know"));
    value["status"] = json!(if left > 0 { "active" } else { "ending" });
    value["asked_for_seconds"] = json!(given + left);
    value["until_if_approved_now"] = Value::Null;
    value["undecided_until"] = Value::Null;
    value["window"] = json!({"from": at(-given), "until": at(left)});
    value["decision"] = json!({"verdict": "approved", "by": person("li"), "as": "backup", "at": at(-given), "words": null,
        "via": "token", "policy_version": "ab"});
    value["grant"] = json!({"role": role, "target": "t", "access_key": format!("nl-7f3a-{id}-{who}"),
        "second_lock": id % 2 == 0, "granted_at": at(-given + 2), "overdue_from": at(left + 5), "removal_failed": false,
        "observed": {"at": at(-30), "presence": "present", "evidence": "the role is there"}, "attempts": 0,
        "last_error": null, "next_try_at": null, "manual_command": format!("REVOKE {role} FROM \"nl-7f3a-{id}-{who}\";"),
        "looked_after_by": null, "attested": null, "first_use": null, "last_use": null, "sessions": 1, "removed_at": null});
    serde_json::from_value(value).unwrap()
}

/// Changes a request as a newer event would.
#[allow(clippy::needless_pass_by_value, reason = "tests write json!(…) in place")]
pub fn changed(view: &RequestView, material: bool, fields: Value) -> RequestView {
    let mut value = json!(view);
    for (key, field) in fields.as_object().unwrap() {
        match field {
            Value::Object(parts) if value[key].is_object() => {
                for (part, inner) in parts {
                    value[key][part] = inner.clone();
                }
            }
            _ => value[key] = field.clone(),
        }
    }
    value["seq"] = json!(view.seq + 1);
    if material {
        value["version"] = json!(view.seq + 1);
    }
    serde_json::from_value(value).unwrap()
}

pub fn decided(view: &RequestView, verdict: &str, status: &str, by: &str) -> RequestView {
    changed(
        view,
        true,
        json!({"status": status, "decision": {"verdict": verdict, "by": person(by), "as": "backup", "at": at(-6),
            "words": "because", "via": "token", "policy_version": "ab"}}),
    )
}

pub fn extension(view: &RequestView) -> RequestView {
    changed(
        view,
        true,
        json!({"extension": {"at": at(-120), "until_if_approved_now": at(5400), "done": "The index is half rebuilt",
            "remaining": "The other half, about an hour", "approver": person("sam"), "waits": true}}),
    )
}

pub fn overdue() -> RequestView {
    let view = active(431, "kim", "payments-db", "admin", 3600, -240);
    changed(
        &view,
        false,
        json!({"overdue": true, "grant": {"removal_failed": true, "attempts": 7,
            "last_error": "ERROR: role \"kim\" owns objects: permission denied to drop", "next_try_at": at(21),
            "looked_after_by": person("li"), "second_lock": false}}),
    )
}

/// The board of the mock-up.
pub fn night() -> Vec<RequestView> {
    let mut admin = pending(320, "cy", "edge-cache", "admin", 20, "investigate");
    admin.ticket = None;
    admin.asked_for_seconds = Some(8 * 3600);
    let failed =
        |code: &str| json!({"code": code, "verdict": "fail", "sentence": "says neither what nor how one will know"});
    let mut admin = json!(admin);
    admin["checks"][0] = failed("task");
    admin["checks"][1] = json!({"code": "end", "verdict": "warn", "sentence": "8h is long for one task"});
    vec![
        pending(312, "ana", "payments-worker", "restart", 360, "Restart the stuck worker 3 and see the queue drain"),
        pending(317, "bo", "orders-db", "write", 65, "Check which lock blocks checkout; done when orders commit again"),
        serde_json::from_value(admin).unwrap(),
        active(300, "dee", "search-index", "restart", 2000, 261),
        active(301, "eli", "orders-db", "read", 2000, 1030),
        active(303, "bo", "edge-cache", "purge", 600, 4331),
    ]
}

pub fn board(rows: Vec<RequestView>) -> BoardView {
    BoardView {
        seq: 9000,
        server_now: now(),
        full: true,
        rows,
        gone: Vec::new(),
        link: "c0ffee1234".into(),
        frozen: Vec::new(),
        sane: true,
    }
}

/// What changed, so many seconds after the first board.
pub fn change(rows: Vec<RequestView>, seconds: i64) -> BoardView {
    let server_now = now().plus(crate::text::Length::from_seconds(seconds));
    BoardView { full: false, server_now, ..board(rows) }
}

/// As one request is answered: with what sam may do.
pub fn with_may(mut view: RequestView) -> RequestView {
    let verbs = [
        ("approve", "number"),
        ("deny", "words"),
        ("send-back", "words"),
        ("claim", "none"),
        ("undo", "none"),
        ("extend", "words"),
        ("revoke", "words"),
        ("hand-back", "none"),
        ("withdraw", "none"),
        ("note", "words"),
        ("retry", "none"),
        ("hand-over", "none"),
    ];
    let may = verbs.map(|(verb, guard)| json!({"verb": verb, "guard": guard}));
    view.may = serde_json::from_value(json!(may)).unwrap();
    view.notes = Some(Vec::new());
    view
}

/// As answered, with another guard or a refusal on a verb.
pub fn with(mut view: RequestView, verb: &str, guard: &str, refusal: Option<&str>) -> RequestView {
    view = with_may(view);
    let refusal =
        refusal.map(|sentence| json!({"code": "own-request", "sentence": sentence, "hint": "somebody else decides"}));
    let one = json!({"verb": verb, "guard": guard, "refusal": refusal});
    if let Some(may) = view.may.iter_mut().flatten().find(|may| may.verb == verb) {
        *may = serde_json::from_value(one).unwrap();
    }
    view
}
