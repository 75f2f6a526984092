//! Tampering of every kind, and the number that verify must name.

use std::convert::Infallible;

use super::*;
use crate::trail::Signer;
use crate::trail::export::tests::{line, sealed};
use crate::trail::export::{Actor, Body};
use crate::trail::link::hex;

/// Ten events, one text each.
fn trail() -> Vec<Line<'static>> {
    let mut prev = Link::ZERO;
    let mut lines = Vec::new();
    for seq in 1..=10 {
        let line = line(seq, prev, &format!("words of {seq}"));
        prev = line.hash;
        lines.push(line);
    }
    lines
}

/// Links the events anew from `from` on, as one who owns the database would.
fn relinked(mut lines: Vec<Line<'_>>, from: usize) -> Vec<Line<'_>> {
    for n in from..lines.len() {
        let prev = if n == 0 { Link::ZERO } else { lines[n - 1].hash };
        lines[n] = sealed(Line { prev, ..lines[n].clone() });
    }
    lines
}

/// The event that takes the words of `ids` away, at the end.
fn with_erased<'a>(mut lines: Vec<Line<'a>>, ids: &str) -> Vec<Line<'a>> {
    let last = lines.last().unwrap().clone();
    let body = Body(format!(r#"{{"texts":[{ids}],"by":"admin"}}"#).into());
    let line = Line { seq: last.seq + 1, kind: "erased".into(), body, texts: vec![], prev: last.hash, ..last };
    lines.push(sealed(line));
    lines
}

fn without_words(mut lines: Vec<Line<'_>>, n: usize) -> Vec<Line<'_>> {
    lines[n].texts[0].salt = None;
    lines[n].texts[0].text = None;
    lines
}

fn check(lines: &[Line<'_>], against: &[Note], keys: &[VerifierKey]) -> Result<Verdict, Broken> {
    let texts = lines.iter().map(|line| Ok::<_, Infallible>(serde_json::to_string(line).unwrap()));
    let Ok(verdict) = verify(texts, against, keys);
    verdict
}

fn first_bad(lines: &[Line<'_>]) -> u64 {
    check(lines, &[], &[]).unwrap_err().seq.unwrap()
}

fn signer() -> Signer {
    Signer::from_seed("7f3a", &[1; 32]).unwrap()
}

/// The checkpoint over the first `size` events.
fn note(lines: &[Line<'_>], size: usize) -> Note {
    let mut tree = Frontier::new();
    lines[..size].iter().for_each(|line| tree.push(line.hash));
    let link = size.checked_sub(1).map(|last| lines[last].hash);
    Checkpoint { store_id: "7f3a".into(), size: size as u64, root: tree.root(), link, at: None }.sign(&signer())
}

#[test]
fn a_whole_trail_verifies_and_says_what_it_cannot_prove() {
    let lines = trail();
    let verdict = check(&lines, &[], &[]).unwrap();
    assert_eq!((verdict.events, verdict.first_seq, verdict.last_seq, verdict.erased), (10, 1, 10, 0));
    assert_eq!(verdict.head, lines[9].hash);
    assert_eq!(verdict.cannot_prove.len(), 1);
    assert!(verdict.cannot_prove[0].contains("cut off the end"));

    let keys = [signer().verifier_key()];
    let verdict = check(&lines, &[note(&lines, 10), note(&lines, 4)], &keys).unwrap();
    assert_eq!(verdict.checkpoints.iter().map(|agreed| agreed.size).collect::<Vec<_>>(), [4, 10]);
    assert_eq!(verdict.checkpoints[0].signed_by.as_deref(), Some("nightlatch/7f3a"));
    assert!(verdict.cannot_prove.is_empty(), "{:?}", verdict.cannot_prove);

    let verdict = check(&lines, &[note(&lines, 7)], &[]).unwrap();
    assert!(verdict.cannot_prove[0].contains("after event 7"));
    assert!(verdict.cannot_prove[1].contains("--key"));
}

#[test]
fn nothing_at_all_is_not_whole() {
    for notes in [vec![], vec![note(&[], 0)], vec![note(&trail(), 3)]] {
        let broken = check(&[], &notes, &[]).unwrap_err();
        assert!(broken.seq.is_none() && broken.sentence.contains("no event"), "{broken}");
    }
}

#[test]
fn a54_a_changed_field_is_named() {
    let changes: [fn(&mut Line<'_>); 9] = [
        |line| line.at = crate::text::Instant::from_millis(line.at.millis() + 1),
        |line| line.subject.to_mut().push('0'),
        |line| line.kind = "denied".into(),
        |line| line.actor = Actor { id: "li".into(), via: "socket".into() },
        |line| line.actor.via = "token".into(),
        |line| line.policy = "1".repeat(64).into(),
        |line| line.body.0.to_mut().push(' '),
        |line| line.hash = Link([3; 32]),
        |line| line.prev = Link([3; 32]),
    ];
    for change in changes {
        for n in [0, 4, 9] {
            let mut lines = trail();
            change(&mut lines[n]);
            assert_eq!(first_bad(&lines), n as u64 + 1);
        }
    }
}

#[test]
fn a54_any_changed_byte_of_a_line_is_named() {
    let lines: Vec<String> = trail().iter().map(|line| serde_json::to_string(line).unwrap()).collect();
    for at in 0..lines[4].len() {
        for bit in [1, 2, 4, 8, 16, 32] {
            let mut changed: Vec<Vec<u8>> = lines.iter().map(|line| line.clone().into_bytes()).collect();
            changed[4][at] ^= bit;
            let Ok(verdict) = verify(changed.iter().map(Ok::<_, Infallible>), &[], &[]);
            let shown = String::from_utf8_lossy(&changed[4]);
            // The number itself may have become another one: then that number, or the gap, is named.
            assert!(
                verdict.is_err_and(|broken| broken.seq.is_some_and(|seq| seq <= 5)),
                "byte {at} bit {bit}: {shown}"
            );
        }
    }
}

#[test]
fn a54_dropped_swapped_and_doubled_events_are_named() {
    let mut dropped = trail();
    dropped.remove(4);
    assert_eq!(first_bad(&dropped), 5);
    let mut swapped = trail();
    swapped.swap(4, 5);
    assert_eq!(first_bad(&swapped), 5);
    let mut doubled = trail();
    doubled.insert(5, doubled[4].clone());
    assert_eq!(first_bad(&doubled), 5);
    // Two events that exchange their numbers.
    let mut exchanged = trail();
    exchanged.swap(4, 5);
    (exchanged[4].seq, exchanged[5].seq) = (5, 6);
    assert_eq!(first_bad(&exchanged), 5);
    // A dropped event whose followers were numbered anew.
    let mut closed = trail();
    closed.remove(4);
    closed[4..].iter_mut().for_each(|line| line.seq -= 1);
    assert_eq!(first_bad(&closed), 5);
}

#[test]
fn a54_a_forged_event_breaks_what_follows() {
    let mut lines = trail();
    lines[4] = sealed(Line { actor: Actor { id: "li".into(), via: "socket".into() }, ..lines[4].clone() });
    let broken = check(&lines, &[], &[]).unwrap_err();
    assert_eq!(broken.seq, Some(6));
    assert!(broken.sentence.contains("event 5"), "{broken}");
    // Inserted in the middle: the old event 5 stands a second time.
    let mut lines = trail();
    lines.insert(4, sealed(Line { kind: "approved".into(), ..lines[4].clone() }));
    assert_eq!(first_bad(&lines), 5);
}

#[test]
fn a54_a_rewritten_trail_is_found_by_an_outside_checkpoint_only() {
    let honest = trail();
    let mut lines = honest.clone();
    lines[4].kind = "denied".into();
    let lines = relinked(lines, 4);
    assert!(check(&lines, &[], &[]).is_ok());
    let broken = check(&lines, &[note(&honest, 4), note(&honest, 8)], &[]).unwrap_err();
    assert_eq!(broken.seq, Some(8));
    assert!(broken.sentence.contains("from 5 to 8"), "{broken}");
}

#[test]
fn a54_a_cut_tail_is_found_by_an_outside_checkpoint_only() {
    let lines = trail();
    assert!(check(&lines[..7], &[], &[]).is_ok());
    let broken = check(&lines[..7], &[note(&lines, 10)], &[]).unwrap_err();
    assert_eq!(broken.seq, Some(8));
}

#[test]
fn a54_a_checkpoint_of_a_foreign_key_or_store_is_refused() {
    let lines = trail();
    let foreign = Signer::from_seed("7f3a", &[2; 32]).unwrap().verifier_key();
    assert_eq!(check(&lines, &[note(&lines, 10)], &[foreign]).unwrap_err().seq, None);
    let other = Checkpoint { store_id: "beef".into(), ..note(&lines, 10).checkpoint().unwrap() };
    let other = other.sign(&Signer::from_seed("beef", &[1; 32]).unwrap());
    assert_eq!(check(&lines, &[other], &[]).unwrap_err().seq, None);
}

#[test]
fn a54_an_event_of_another_store_is_named() {
    let mut lines = trail();
    lines[4] = sealed(Line { store: "beef".into(), ..lines[4].clone() });
    assert_eq!(first_bad(&lines), 5);
}

#[test]
fn a54_changed_words_are_named() {
    let mut lines = trail();
    lines[4].texts[0].text = Some("other words".into());
    assert_eq!(first_bad(&lines), 5);
    let mut lines = trail();
    lines[4].texts.clear();
    assert_eq!(first_bad(&lines), 5);
    let mut lines = trail();
    lines[4].texts[0].name = "words".into();
    assert_eq!(first_bad(&lines), 5);
    let mut lines = trail();
    lines[4].texts[0].salt = None;
    assert_eq!(first_bad(&lines), 5);
    // The border between salt and words moved: the hash over both is the same.
    let mut lines = trail();
    let text = &mut lines[4].texts[0];
    let longer = format!("{}{}", text.salt.clone().unwrap(), hex(b"words "));
    (text.salt, text.text) = (Some(longer.into()), Some("of 5".into()));
    assert_eq!(first_bad(&lines), 5);
}

#[test]
fn a54_erased_words_need_an_erased_event() {
    assert_eq!(first_bad(&without_words(trail(), 4)), 5);
    assert_eq!(first_bad(&with_erased(without_words(trail(), 4), "64")), 5);
    let verdict = check(&with_erased(without_words(trail(), 4), "64,80"), &[], &[]).unwrap();
    assert_eq!((verdict.events, verdict.erased), (11, 1));
}

#[test]
fn a_part_of_a_trail_says_that_it_is_one() {
    let lines = trail();
    let verdict = check(&lines[4..], &[], &[]).unwrap();
    assert_eq!((verdict.events, verdict.first_seq, verdict.last_seq, verdict.root), (6, 5, 10, None));
    assert!(verdict.cannot_prove[0].contains("up to event 4"));
    // The link in the checkpoint binds the part too; one over what came before is said to be out of reach.
    let verdict = check(&lines[4..], &[note(&lines, 10), note(&lines, 4), note(&lines, 2)], &[]).unwrap();
    assert_eq!(verdict.checkpoints.iter().map(|agreed| agreed.size).collect::<Vec<_>>(), [4, 10]);
    assert!(verdict.cannot_prove.iter().any(|open| open.contains("over 2 events")));
    let forged = relinked(lines[4..].to_vec(), 3);
    assert!(check(&forged, &[note(&lines, 10)], &[]).is_ok());
    let mut forged = lines[4..].to_vec();
    forged[3].kind = "denied".into();
    assert_eq!(check(&relinked(forged, 3), &[note(&lines, 10)], &[]).unwrap_err().seq, Some(10));
}

#[test]
fn a26_a_hostile_line_does_not_reach_the_terminal() {
    let Ok(verdict) = verify([Ok::<_, Infallible>(b"{\"\x1b[31m\":1}".to_vec())], &[], &[]);
    assert!(!verdict.unwrap_err().sentence.contains('\x1b'));
    let Ok(verdict) = verify([Ok::<_, Infallible>(b"\xff".to_vec())], &[], &[]);
    assert_eq!(verdict.unwrap_err().seq, Some(1));
}

/// What the script says: its exit code and what it printed.
fn script(lines: &[String], extra: &[&str]) -> (i32, String) {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/verify.py");
    let mut child =
        Command::new("python3").arg(script).args(extra).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    // It stops reading at the first fault.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    let out = child.wait_with_output().unwrap();
    (out.status.code().unwrap(), String::from_utf8(out.stdout).unwrap())
}

#[test]
fn a54_the_script_comes_to_the_same_verdict() {
    if std::process::Command::new("python3").arg("--version").output().is_err() {
        eprintln!("SKIPPED a54_the_script_comes_to_the_same_verdict: python3 is not here");
        return;
    }
    let whole = trail();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, note: &Note| {
        let path = folder.path().join(name).to_str().unwrap().to_owned();
        std::fs::write(&path, note.to_string()).unwrap();
        path
    };
    let (full, early) = (path("full", &note(&whole, 10)), path("early", &note(&whole, 4)));
    let key = signer().verifier_key().to_string();
    let foreign = Signer::from_seed("7f3a", &[2; 32]).unwrap().verifier_key().to_string();
    let changed = |n: usize, change: fn(&mut Line<'_>)| {
        let mut lines = trail();
        change(&mut lines[n]);
        lines
    };
    let mut swapped = trail();
    swapped.swap(4, 5);
    let cases: [(Vec<Line<'_>>, Vec<Note>, Vec<&str>); 16] = [
        (trail(), vec![], vec![]),
        (vec![], vec![], vec![]),
        (trail(), vec![note(&whole, 10), note(&whole, 4)], vec![&key]),
        (trail(), vec![note(&whole, 4)], vec![]),
        (trail(), vec![note(&whole, 10)], vec![&foreign]),
        (whole[4..].to_vec(), vec![note(&whole, 10), note(&whole, 4)], vec![]),
        (whole[..7].to_vec(), vec![note(&whole, 10)], vec![]),
        (swapped, vec![], vec![]),
        (changed(4, |line| line.body.0.to_mut().push(' ')), vec![], vec![]),
        (changed(4, |line| line.texts[0].text = Some("other".into())), vec![], vec![]),
        (changed(4, |line| line.texts[0].hash = Link([1; 32])), vec![], vec![]),
        (changed(4, |line| line.at = crate::text::Instant::from_millis(0)), vec![], vec![]),
        (changed(4, |line| *line = sealed(Line { kind: "denied".into(), ..line.clone() })), vec![], vec![]),
        (relinked(changed(4, |line| line.kind = "denied".into()), 4), vec![note(&whole, 10), note(&whole, 4)], vec![]),
        (without_words(trail(), 4), vec![], vec![]),
        (with_erased(without_words(trail(), 4), "80"), vec![], vec![]),
    ];
    for (n, (lines, against, keys)) in cases.iter().enumerate() {
        let parsed: Vec<VerifierKey> = keys.iter().map(|key| key.parse().unwrap()).collect();
        let mut args = Vec::new();
        for note in against {
            args.extend([
                "--against",
                if note.checkpoint().unwrap().size == 10 { full.as_str() } else { early.as_str() },
            ]);
        }
        for key in keys {
            args.extend(["--key", key]);
        }
        let texts: Vec<String> = lines.iter().map(|line| serde_json::to_string(line).unwrap()).collect();
        let (code, said) = script(&texts, &args);
        match check(lines, against, &parsed) {
            Ok(verdict) => {
                assert_eq!(code, 0, "case {n}: {said}");
                assert!(
                    said.contains(&format!("{} events", verdict.events)) && said.contains(&verdict.head.to_string()),
                    "{said}"
                );
                assert!(said.contains(&format!("erased {}\n", verdict.erased)), "case {n}: {said}");
                assert!(verdict.root.is_none_or(|root| said.contains(&root.to_string())), "case {n}: {said}");
                let open = said.lines().filter_map(|line| line.strip_prefix("cannot prove "));
                assert_eq!(open.collect::<Vec<_>>(), verdict.cannot_prove, "case {n}");
            }
            Err(broken) => {
                assert_eq!(code, 8, "case {n}: {said}");
                let number = broken.seq.map(|seq| format!("BROKEN event {seq}: "));
                assert!(said.starts_with(number.as_deref().unwrap_or("BROKEN ")), "case {n}: {said} / {broken}");
            }
        }
    }
    assert_eq!(script(&[], &["--key", "nonsense"]).0, 2);
}
