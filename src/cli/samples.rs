//! Views for the tests of this room.

use super::eye::Eye;
use crate::access::Via;
use crate::text::Instant;
use crate::wire::RequestView;
use serde_json::json;

/// An instant of the night of the samples.
pub fn at(text: &str) -> Instant {
    Instant::parse_rfc3339(text).unwrap()
}

/// Who looks, when and where.
pub fn eye() -> Eye {
    Eye { now: at("2026-11-21T23:30:00Z"), zone: chrono_tz::Tz::Europe__Berlin, width: Some(80) }
}

/// A request that waits.
pub fn pending() -> (RequestView, Eye) {
    let person = |id: &str, name: &str, title: &str| json!({"id": id, "name": name, "title": title});
    let view = json!({
        "id": 142, "seq": 60, "version": 57, "status": "pending", "overdue": false, "system": "payments",
        "environment": "production", "role": "restart", "role_asked": "restart", "allows": "Restart the workers",
        "kind": "emergency", "task": "Restart the stuck worker and see the queue drain", "ticket": "INC-88",
        "ticket_url": "https://tracker.example/INC-88", "requester": person("ana", "Ana Ruiz", "Engineer"),
        "user": person("ana", "Ana Ruiz", "Engineer"), "approver": person("sam", "Sam Lee", "Head"),
        "filed_at": "2026-11-21T23:24:00Z", "window": {"from": null, "until": null}, "asked_for_seconds": 3000,
        "until_if_approved_now": "2026-11-22T00:20:00Z", "undecided_until": "2026-11-21T23:54:00Z",
        "checks": [{"code": "task", "verdict": "pass", "sentence": "one exact task"},
                   {"code": "record", "verdict": "warn", "sentence": "2nd request tonight"}],
        "claim": null, "decision": null, "extension": null, "extensions": 0, "grant": null, "follow_up": null,
        "revisions": []
    });
    (serde_json::from_value(view).unwrap(), eye())
}

/// The same, approved, ended and still there.
pub fn overdue() -> (RequestView, Eye) {
    let (view, eye) = pending();
    let mut value = serde_json::to_value(view).unwrap();
    let sam = json!({"id": "sam", "name": "Sam Lee", "title": "Head"});
    value["status"] = "ending".into();
    value["overdue"] = true.into();
    value["window"] = json!({"from": "2026-11-21T22:40:00Z", "until": "2026-11-21T23:20:00Z"});
    value["decision"] = json!({"verdict": "approved", "by": sam, "as": "owner", "at": "2026-11-21T22:40:00Z",
        "words": "go", "via": Via::Socket, "policy_version": "ab"});
    value["grant"] = json!({"role": "restart", "target": "sandbox", "access_key": "nl-7f3a-142-ana", "second_lock": false,
        "granted_at": "2026-11-21T22:40:03Z", "overdue_from": "2026-11-21T23:20:05Z", "removal_failed": true,
        "observed": {"at": "2026-11-21T23:29:50Z", "presence": "present", "evidence": "the file is there"},
        "attempts": 7, "last_error": "permission denied", "next_try_at": "2026-11-21T23:30:20Z",
        "manual_command": "rm sandbox/nl-7f3a-142-ana.json", "looked_after_by": null, "attested": null,
        "first_use": null, "last_use": null, "sessions": 1, "removed_at": null});
    (serde_json::from_value(value).unwrap(), eye)
}

/// The same with this text wherever somebody foreign writes.
pub fn hostile(text: &str) -> (RequestView, Eye) {
    let (view, eye) = overdue();
    let mut value = serde_json::to_value(view).unwrap();
    for path in [
        "/task",
        "/allows",
        "/ticket",
        "/ticket_url",
        "/system",
        "/environment",
        "/role",
        "/user/name",
        "/user/title",
        "/requester/name",
        "/requester/id",
        "/approver/name",
        "/decision/words",
        "/decision/verdict",
        "/grant/last_error",
        "/grant/manual_command",
        "/grant/access_key",
        "/grant/observed/evidence",
        "/checks/0/sentence",
    ] {
        *value.pointer_mut(path).unwrap() = text.into();
    }
    value["notes"] = json!([{"by": text, "at": "2026-11-21T23:29:50Z", "text": text}]);
    value["revisions"] = json!([{"seq": 1, "at": "2026-11-21T23:29:50Z", "by": text, "changes": [text]}]);
    (serde_json::from_value(value).unwrap(), eye)
}
