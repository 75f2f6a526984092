//! Reading a policy: from its text to the judged value, or to everything that is wrong with it.
//!
//! Opens no file and never reads the time: it is given the texts, and judges them for all times.

use super::document::Document;
use super::faults::Fault;
use super::judge::Judge;
use super::raw::{RawPolicy, SECTIONS};
use super::{Policy, Source, source};

/// Reads and judges a policy. `kinds` are the kinds of provisioner that there are. A policy that rules may still have
/// warnings; one with a fault does not rule at all, and every fault is told at once.
pub fn read(source: &Source, kinds: &[&str]) -> Result<(Policy, Vec<Fault>), Vec<Fault>> {
    let main = source.files.first().map_or("policy.toml", |(name, _)| name.as_str());
    if source.bytes() > source::LONGEST {
        let sentence = format!("the policy has {} bytes, {} at most are read", source.bytes(), source::LONGEST);
        return Err(vec![Fault::new(main, 0, &sentence, "take out what is not used")]);
    }
    let files = source.files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
    let mut document = Document::parse(files, &SECTIONS);
    let broken = document.take_faults();
    let top: RawPolicy = document.top();
    let mut judge = Judge::new(document, kinds);
    judge.faults.extend(broken);
    let policy = judge.policy(&top);
    let mut faults = judge.finish();
    faults.sort_by(|a, b| (a.file != main, &a.file, a.line).cmp(&(b.file != main, &b.file, b.line)));
    faults.dedup();
    match policy {
        Some(policy) if faults.iter().all(|fault| fault.warning) => Ok((policy, faults)),
        _ => Err(faults),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Capacity, Kind};
    use crate::text::{Instant, Length, PersonId};

    const KINDS: [&str; 3] = ["command", "files", "postgres"];
    const SAMPLE: &str = include_str!("../../config/policy.toml");

    fn sample() -> Policy {
        let (policy, warnings) = read(&Source::one("policy.toml", SAMPLE), &KINDS).unwrap();
        assert_eq!(warnings, []);
        policy
    }

    /// The sample with one piece replaced; it must be there.
    fn with(old: &str, new: &str) -> Vec<String> {
        assert!(SAMPLE.contains(old), "{old}");
        faults(&[("policy.toml", &SAMPLE.replacen(old, new, 1))])
    }

    fn faults(files: &[(&str, &str)]) -> Vec<String> {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
        let faults = match read(&Source { files }, &KINDS) {
            Ok((_, warnings)) => warnings,
            Err(faults) => faults,
        };
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn the_sample_loads_as_it_stands() {
        let policy = sample();
        assert_eq!(policy.people.len(), 3);
        assert_eq!(policy.kinds, crate::policy::Kinds::default());
        let payments = policy.systems.values().next().unwrap();
        assert_eq!(payments.role("restart").unwrap().contains.len(), 1);
        assert!(payments.ticket.as_ref().unwrap().is_match("INC-88"));
    }

    #[test]
    fn bad_policies_are_refused_with_line_sentence_and_cure() {
        let cases = [
            ("zone = \"Europe/London\"", "", "policy.toml: the policy names no zone; write zone ="),
            (
                "Europe/London",
                "Europe/Lundon",
                ":4: \"Europe/Lundon\" is no time zone that is known here; write an IANA",
            ),
            (
                "leads = \"leads\" ",
                "leads = \"led\" ",
                ":5: led is neither a rota nor a person in the policy; did you mean leads?",
            ),
            ("/{ticket}", "/x", ":6: ticket_url is no address with {ticket} in it; write it as"),
            ("zone =", "zoen = 1\nzone =", ":4: unknown key zoen at the top; did you mean zone?"),
            ("[kinds.day]", "[kinds.days]", ":21: there is no kind of request called days; did you mean day?"),
            (
                "default = \"45m\"",
                "default = \"2h\"",
                ":10: emergency requests get 2h by default, but 1h 30m at most; lower",
            ),
            ("default = \"45m\"", "default = \"0m\"", ":10: default: \"0m\" is no time at all; write at least 1s"),
            ("longest = \"90m\"", "longest = \"P1Y\"", ":11: longest: \"P1Y\" is no length of time; write days"),
            (
                "longest = \"90m\"",
                "longest = 90",
                ":11: kinds.emergency.longest cannot be read: invalid type: integer `90`, expected a string; put it in double quotes",
            ),
            (
                "longest = \"90m\"",
                "longest = \"5h\"",
                ":11: warning: emergency requests may get 5h at once; 4h at most",
            ),
            ("longest = \"8h\"", "longest = \"2d\"", ":23: warning: day requests may get 2d at once; 1d at most"),
            ("extensions = 3", "extensions = 300", ":13: extensions = 300 would let a grant go on for ever; write 20"),
            ("\"10m backup\"", "\"10m boss\"", ":15: the step \"10m boss\" reaches nobody; write a length and"),
            (
                "\"10m backup\"",
                "\"1m backup\"",
                ":15: the step \"1m backup\" comes after a later one; put the earliest first",
            ),
            ("\"10m backup\"", "\"backup\"", ":15: the step \"backup\" has no length"),
            ("\"15m lead\"", "\"45m lead\"", ":15: warning: the step \"45m lead\" is never reached: undecided is 30m"),
            ("[people.li]", "[people.devops]", "devops is a team or a shared account, not a person; name each person"),
            ("[people.li]", "[people.Li]", "\"Li\" cannot be a name here; use 1 to 32 of"),
            ("[people.li]", "[people.\"$(id)\"]", "\"$(id)\" cannot be a name here"),
            (
                "name = \"Li Wei\"",
                "name = \"On-Call\"",
                ":41: On-Call is a team or a shared account, not a person; write the",
            ),
            ("name = \"Li Wei\"", "name = \"Аna\"", ":41: the name Аna mixes letters of several scripts in one word"),
            (
                "name = \"Li Wei\"",
                "name = \"Li\u{200b}\"",
                ":41: people.li.name holds a hidden character (U+200B); write plain",
            ),
            ("name = \"Li Wei\"", "nmae = \"Li Wei\"", ":41: unknown key nmae in [people.li]; did you mean name?"),
            ("name = \"Li Wei\"", "", ":40: [people.li] has no name; write name = \"Priya Shah\""),
            (
                "li@example.com",
                "SAM@example.com",
                ":39: sam and li have one email, sam@example.com; one person, one entry",
            ),
            ("li@example.com", "oncall@example.com", ":43: oncall@example.com is a shared mailbox, not a person's"),
            ("li@example.com", "li", ":43: \"li\" is no e-mail address"),
            (
                "duties = []",
                "duties = [\"leed\"]",
                ":35: people.priya.duties.0 says leed, which is not known; did you mean lead?",
            ),
            (
                "2026-12-24..2027-01-02",
                "2027-01-02..2026-12-24",
                ":34: the leave 2027-01-02..2026-12-24 ends before it begins",
            ),
            ("2026-12-24..2027-01-02", "Christmas", ":34: \"Christmas\" is no leave; write it as"),
            ("zone = \"Europe/Berlin\"", "zone = \"Berlin\"", ":33: \"Berlin\" is no time zone that is known here"),
            (
                "payments = [\"priya\"",
                "payments = [\"priyaa\"",
                ":46: priyaa is nobody in the policy; did you mean priya?",
            ),
            ("payments = [", "li = [\"sam\"]\npayments = [", ":46: li is a team and a person; rename the team"),
            ("Mon 09:00", "Mon 9am", ":49: \"Mon 9am\" is no hand-over; write the day and time"),
            ("starts = \"2026-11-02\"", "starts = \"2 Nov\"", ":50: \"2 Nov\" is no day; write it as"),
            ("people = [\"li\", \"sam\"]", "people = []", ":51: the rota payments-nights has nobody in it"),
            ("people = [\"li\", \"sam\"]", "people = [\"lo\"]", ":51: lo is nobody in the policy; did you mean li?"),
            (
                "people = [\"li\", \"sam\"]",
                "ics = \"http://x/y.ics\"",
                ":51: warning: the calendar of payments-nights travels in clear",
            ),
            ("2027-01-01 09:00", "2026-01-01 09:00", ":52: an override ends before it begins; put the earlier"),
            ("2027-01-01 09:00", "09:00", ":52: \"09:00\" has no day; write it as"),
            ("2026-12-31 18:00", "2026-12-31 24:00", ":52: \"2026-12-31 24:00\" is past the last minute of a day"),
            ("2026-12-31 18:00", "2026-03-29 01:30", ":52: there is no 01:30 on 2026-03-29 in Europe/London"),
            ("owner = \"sam\"", "owner = \"sami\"", ":60: sami is nobody in the policy; did you mean sam?"),
            ("owner = \"sam\"", "", ":57: [systems.payments] has no owner; name the person"),
            ("backup = \"payments-nights\"", "", ":57: [systems.payments] has no backup; name a rota"),
            ("backup = \"payments-nights\"", "backup = \"sam\"", ":61: warning: sam is owner and backup of payments"),
            ("hours = \"Mon-Fri 09:00-18:00\"", "hours = \"9 to 5\"", ":62: \"9 to 5\" are no hours; write \"Mon-Fri"),
            (
                "ask = [\"payments\"]",
                "ask = [\"payment\"]",
                ":63: payment is neither a person nor a team in the policy; did you mean payments?",
            ),
            ("ask = [\"payments\"]", "ask = []", ":63: nobody may ask for payments"),
            ("self_approval = false", "self_approval = true", ":65: payments is sensitive and lets its owner decide"),
            (
                "sensitive = true",
                "sensitive = false",
                ":57: warning: payments speaks of payments and is not sensitive; write sensitive",
            ),
            ("^INC-[0-9]+$", "^INC-[0-9+$", ":68: the ticket's pattern cannot be used: unclosed character class"),
            ("^INC-[0-9]+$", "a)(b", ":68: the ticket's pattern cannot be used: unopened group"),
            ("^INC-[0-9]+$", "(a{1000}){1000}", ":68: the ticket's pattern cannot be used"),
            (
                "provisioner = \"sandbox\"",
                "",
                ":69: the role logs-read of payments has no provisioner: what cannot be removed is not",
            ),
            (
                "provisioner = \"sandbox\"",
                "provisioner = \"sandbx\"",
                ":73: there is no provisioner called sandbx; did you mean sandbox?",
            ),
            ("name = \"restart\"", "name = \"logs-read\"", ":75: payments has two roles called logs-read"),
            ("name = \"restart\"", "name = \"re start\"", ":75: \"re start\" cannot be a name here"),
            (
                "default = \"30m\"",
                "includes = [\"log-read\"]",
                ":77: payments has no role called log-read; did you mean logs-read?",
            ),
            (
                "default = \"30m\"",
                "includes = [\"restart\"]",
                "the role restart of payments contains itself; break the circle",
            ),
            (
                "unit = \"payment-worker\"",
                "password = \"x\"",
                ":79: systems.payments.roles.1.with.password is a secret, written out; keep it in a file",
            ),
            (
                "kind = \"files\"",
                "kind = \"file\"",
                ":82: there is no kind of provisioner called file; did you mean files?",
            ),
            ("kind = \"files\"", "", ":81: [provisioners.sandbox] has no kind; known are command, files, postgres"),
            (
                "folder = \"sandbox\"",
                "url = \"postgres://u:p@db/x\"",
                ":83: provisioners.sandbox.url holds an address with a password; take it out",
            ),
            ("folder = \"sandbox\"", "[people.sam]", "duplicate key"),
        ];
        for (old, new, says) in cases {
            let told = with(old, new);
            assert!(told.iter().any(|fault| fault.contains(says)), "{old} -> {new}\nexpected {says}\ntold {told:#?}");
        }
    }

    #[test]
    fn all_faults_are_told_at_once_in_the_order_of_the_files() {
        let main = "zone = \"UTC\"\nowner = 1\n[people.ana]\nname = 5\nemial = \"x\"\n";
        let more = "include = [\"x\"]\n[people.ana]\nname = \"Ana\"\n[systems.db]\nowner = \"ben\"\nsensitive = 1\n";
        let told = faults(&[("policy.toml", main), ("policy.d/a.toml", more)]);
        let starts: Vec<&str> = told.iter().map(|fault| fault.split(' ').next().unwrap()).collect();
        assert_eq!(
            starts,
            [
                "policy.toml:2:",
                "policy.toml:4:",
                "policy.toml:5:",
                "policy.d/a.toml:1:",
                "policy.d/a.toml:2:",
                "policy.d/a.toml:4:",
                "policy.d/a.toml:4:",
                "policy.d/a.toml:5:",
                "policy.d/a.toml:6:",
            ],
            "{told:#?}"
        );
        assert!(
            told.iter().any(|fault| fault.contains("people.ana stands in policy.toml:3 already; keep one")),
            "{told:#?}"
        );
    }

    /// A policy of two people in which `owner` has `backup`, and more keys.
    fn small(backup: &str, keys: &str, top: &str) -> Vec<String> {
        let text = format!(
            "zone = \"UTC\"\n{top}\n[people.ana]\nname = \"Ana Ruiz\"\n[people.ben]\nname = \"Ben Ito\"\n[systems.web]\n\
             owner = \"ana\"\nbackup = \"{backup}\"\n{keys}\n[[systems.web.roles]]\nname = \"read\"\nallows = \"Read\"\n\
             provisioner = \"box\"\n[provisioners.box]\nkind = \"files\"\n"
        );
        faults(&[("p", &text)])
    }

    #[test]
    fn a_system_in_which_somebody_can_never_be_approved_is_refused() {
        assert_eq!(small("ben", "", ""), Vec::<String>::new());
        let told = small("ana", "", "");
        assert!(
            told.iter().any(|f| f.contains("p:9: nobody can ever approve a request of ana on web: they own it")),
            "{told:#?}"
        );
        let told = small("ana", "ask = [\"ben\"]", "");
        assert_eq!(told.len(), 1, "only that she is her own backup: {told:#?}");
        let told = small("ana", "", "leads = \"ben\"");
        assert!(
            told.iter().any(|f| f.contains("warning: nobody can approve planned and day requests of ana on web")),
            "{told:#?}"
        );
        let told = small("ana", "self_approval = true", "");
        assert!(told.iter().all(|f| f.contains("warning:")), "{told:#?}");
        assert!(told.iter().any(|f| f.contains("ana alone decides on web, their own requests included")), "{told:#?}");
    }

    #[test]
    fn who_is_asked_first_follows_hours_leave_and_turns() {
        let mut policy = sample();
        let system = policy.systems.values().next().unwrap().clone();
        let asked = |policy: &Policy, kind, at: &str, not: &[&str]| {
            let not: Vec<PersonId> = not.iter().map(|id| id.parse().unwrap()).collect();
            let not: Vec<&PersonId> = not.iter().collect();
            let all = policy.eligible_without(&system, kind, Instant::parse_rfc3339(at).unwrap(), &not);
            all.iter().map(|(who, capacity)| format!("{who} {capacity:?}").to_lowercase()).collect::<Vec<_>>()
        };
        // Tuesday; the first turns are Li's nights and, since January 2024, an even number of weeks for Sam's lead.
        let (day, night) = ("2026-11-03T10:00:00Z", "2026-11-03T23:00:00Z");
        assert_eq!(asked(&policy, Kind::Planned, day, &[]), ["sam owner"]);
        assert_eq!(asked(&policy, Kind::Planned, night, &[]), ["li backup", "sam owner"]);
        assert_eq!(
            asked(&policy, Kind::Planned, "2026-11-07T10:00:00Z", &[]),
            ["li backup", "sam owner"],
            "a Saturday"
        );
        assert_eq!(asked(&policy, Kind::Planned, day, &["sam"]), ["li backup"], "the owner asks: the backup stands in");
        assert_eq!(asked(&policy, Kind::Planned, night, &["li"]), ["sam owner"]);
        let lead = policy.on_duty(policy.leads.as_ref().unwrap(), Instant::parse_rfc3339(day).unwrap()).unwrap();
        let emergency = asked(&policy, Kind::Emergency, day, &[]);
        assert_eq!(emergency.len(), if lead.as_str() == "sam" { 1 } else { 2 });
        // Sam has the nights in the second week: once, in his best capacity, in the place where he comes first.
        assert_eq!(asked(&policy, Kind::Planned, "2026-11-10T23:00:00Z", &[]), ["sam owner"]);

        let sam: PersonId = "sam".parse().unwrap();
        let days = ("2026-11-03".parse().unwrap(), "2026-11-03".parse().unwrap());
        policy.people.get_mut(&sam).unwrap().leave.push(days);
        assert_eq!(asked(&policy, Kind::Planned, day, &[]), ["li backup"]);
        assert!(policy.is_backup(&system, &sam));
        assert!(!policy.on_leave(&sam, Instant::parse_rfc3339("2026-11-04T00:00:00Z").unwrap()));
        assert_eq!(
            policy.asked_first(&system, Kind::Planned, Instant::parse_rfc3339(day).unwrap(), &[]).unwrap().1,
            Capacity::Backup
        );
    }

    #[test]
    fn a2_one_email_or_account_is_one_person() {
        let mut policy = sample();
        let (sam, li): (PersonId, PersonId) = ("sam".parse().unwrap(), "li".parse().unwrap());
        assert!(!policy.same_person(&sam, &li));
        policy.people.get_mut(&li).unwrap().email = Some("Sam@Example.com".to_owned());
        assert!(policy.same_person(&sam, &li));
        assert_eq!(policy.by_os_user("priya").unwrap().1.name, "Priya Shah");
        assert_eq!(policy.by_email("PRIYA@example.com").unwrap().0.as_str(), "priya");
        assert!(policy.by_email("").is_none());
    }

    #[test]
    fn windows_are_the_shorter_of_kind_and_role() {
        let policy = sample();
        let system = policy.systems.values().next().unwrap();
        let (logs, restart) = (system.role("logs-read").unwrap(), system.role("restart").unwrap());
        assert_eq!(policy.longest(logs, Kind::Planned), Length::from_hours(2));
        assert_eq!(policy.longest(logs, Kind::Emergency), Length::from_minutes(90));
        assert_eq!(policy.default_length(logs, Kind::Day), Length::from_hours(2));
        assert_eq!(policy.default_length(restart, Kind::Planned), Length::from_minutes(30));
        assert_eq!(policy.default_length(logs, Kind::Emergency), Length::from_minutes(45));
    }

    #[test]
    fn the_schema_knows_the_keys() {
        let schema = crate::policy::raw::schema().to_string();
        assert!(schema.contains("lead_may_approve") && schema.contains("self_approval"));
    }

    proptest::proptest! {
        #[test]
        fn a_mangled_policy_never_panics_and_every_fault_has_a_cure(at in 0_usize..3500, cut in 0_usize..40, put in "[a-z0-9\\[\\]\"=., {}\n-]{0,12}") {
            let head: String = SAMPLE.chars().take(at).collect();
            let tail: String = SAMPLE.chars().skip(at + cut).collect();
            if let Err(faults) = read(&Source::one("policy.toml", &format!("{head}{put}{tail}")), &KINDS) {
                proptest::prop_assert!(faults.iter().any(|fault| !fault.warning));
                proptest::prop_assert!(faults.iter().all(|fault| !fault.cure.is_empty() && !fault.sentence.is_empty()));
            }
        }
    }
}
