//! `--plain`: the dashboard as lines, for screen readers and simple terminals. No line is ever rewritten; what is urgent is said
//! in a sentence; what one wants is typed as the command that it is in a shell, with the same questions before anything is sent.

use super::board::Mine;
use super::exit::{Exit, Trouble};
use super::eye::Eye;
use super::link::{Context, door};
use super::page::Page;
use super::told::Told;
use super::watch::{News, Watcher};
use super::{Line, Outcome, Rooms, Verb, dispatch, no_command, reading};
use crate::access::RequestNumber;
use crate::clock::{Clock, Stopwatch};
use crate::text::{Instant, Length};
use crate::wire::MeView;
use clap::Parser;
use std::ffi::OsString;
use std::io::BufRead;
use std::time::Duration;
use tokio::sync::mpsc;

/// What `help` says.
const HELP: &str = "Type a command and Enter. An approval shows all of it first, and is sent once the last three digits were typed.\n\
board: what is overdue, what waits, what is open.\n\
142: request NL-142 in full.\n\
approve 142, deny 142, send-back 142: the verdicts.\n\
request SYSTEM ROLE, extend 142, hand-back 142, withdraw 142, note 142 TEXT: your own.\n\
revoke 142, undo 142, retry 142, claim 142: as in a shell; nightlatch help VERB says all of it.\n\
mine, left, list, systems, who may say yes: systems SYSTEM.\n\
quit: leave. Every grant ends by itself.";
/// The longest line that is taken, in bytes.
const LONGEST: u64 = 64 * 1024;

/// Sits until somebody leaves.
pub async fn run(open: Option<RequestNumber>, read_only: bool, cx: &Context, rooms: Rooms) -> Outcome {
    let link = cx.link().await?;
    let me = link.get::<MeView>("/v1/me").await?;
    let mut seat = Pane {
        watch: Stopwatch::start(&Clock::system(Instant::default(), false)),
        seen: (Duration::ZERO, me.now),
        told: Told::new(Mine::new(&me.view)),
        zone: link.zone,
        read_only,
        cx,
        rooms,
    };
    seat.say(&Page::of(format!("nightlatch as {}. help lists the commands, quit leaves.", me.view.person.id)))?;
    let (news, mut heard) = mpsc::channel(64);
    let mut watcher = Watcher::new(link, door(&cx.settings()?)?);
    let watching = tokio::spawn(async move {
        loop {
            let next = watcher.next().await;
            let last = next.is_err();
            if news.send(next).await.is_err() || last {
                return;
            }
        }
    });
    let mut lines = Lines::begin();
    if let Some(id) = open {
        seat.act(&id.0.to_string()).await?;
    }
    lines.ask();
    let ended = loop {
        tokio::select! {
            biased;
            Some(next) = heard.recv() => match next {
                Ok(next) => seat.hears(next)?,
                Err(trouble) => break Err(trouble),
            },
            typed = lines.typed.recv() => match typed.flatten() {
                None => break Ok(Exit::Done),
                Some(said) if is_farewell(&said) => break Ok(Exit::Done),
                Some(said) => {
                    seat.act(&said).await?;
                    lines.ask();
                }
            },
            () = seat.wake() => {
                let eye = seat.eye();
                let urgent = seat.told.tick(&eye);
                seat.say(&urgent)?;
            }
        }
    };
    watching.abort();
    ended
}

fn is_farewell(line: &str) -> bool {
    matches!(line.trim(), "quit" | "q" | "exit")
}

/// Lines as they are typed: one is read when it is asked for, so that a question of a command reads its own answer.
struct Lines {
    wanted: std::sync::mpsc::Sender<()>,
    typed: mpsc::Receiver<Option<String>>,
}

impl Lines {
    fn begin() -> Self {
        let (wanted, asked) = std::sync::mpsc::channel();
        let (said, typed) = mpsc::channel(1);
        std::thread::spawn(move || {
            while asked.recv().is_ok() {
                let mut bytes = Vec::new();
                let read = std::io::Read::take(std::io::stdin().lock(), LONGEST).read_until(b'\n', &mut bytes);
                let line = read.ok().filter(|count| *count > 0).map(|_| String::from_utf8_lossy(&bytes).into_owned());
                if said.blocking_send(line).is_err() {
                    return;
                }
            }
        });
        Self { wanted, typed }
    }

    fn ask(&self) {
        // Where nobody reads any more, the end of the input is heard instead.
        let _ = self.wanted.send(());
    }
}

struct Pane<'a> {
    watch: Stopwatch,
    /// The server's time, and when it was that.
    seen: (Duration, Instant),
    told: Told,
    zone: chrono_tz::Tz,
    read_only: bool,
    cx: &'a Context,
    rooms: Rooms,
}

impl Pane<'_> {
    fn say(&self, page: &Page) -> Result<(), Trouble> {
        if page.is_empty() { Ok(()) } else { self.cx.out.page(page) }
    }

    /// How it is looked at now. A line is as long as it is: whoever reads it aloud needs no columns.
    fn eye(&self) -> Eye {
        let passed = self.watch.elapsed().saturating_sub(self.seen.0);
        let passed = Length::from_millis(i64::try_from(passed.as_millis()).unwrap_or(i64::MAX));
        Eye { now: self.seen.1.plus(passed), zone: self.zone, width: None }
    }

    fn hears(&mut self, news: News) -> Result<(), Trouble> {
        let page = match news {
            News::Board(got) => {
                self.seen = (self.watch.elapsed(), got.now);
                let eye = self.eye();
                self.told.change(&got.view, &eye)
            }
            News::Away(trouble) => Page::of(format!(
                "OFFLINE: {}. What was said may be old; it is tried again, and nothing is kept to be sent later.",
                trouble.sentence
            )),
        };
        self.say(&page)
    }

    /// Until time alone says something.
    async fn wake(&self) {
        let now = self.eye().now;
        match self.told.next(now) {
            Some(at) => self.watch.until(self.watch.elapsed().saturating_add(at.since(now).to_std())).await,
            None => std::future::pending().await,
        }
    }

    /// One typed line.
    async fn act(&self, typed: &str) -> Result<(), Trouble> {
        let typed = typed.trim();
        let page = match typed {
            "" => return Ok(()),
            "help" | "?" => {
                let mut page = Page::new();
                page.block("", HELP);
                page
            }
            "board" => self.told.board(&self.eye()),
            line => match self.command(line).await {
                Ok(_) => return Ok(()),
                Err(trouble) if trouble.sentence.is_empty() => return Err(trouble),
                Err(trouble) => {
                    self.cx.out.trouble(&trouble);
                    return Ok(());
                }
            },
        };
        self.say(&page)
    }

    async fn command(&self, line: &str) -> Outcome {
        let words = words(line).ok_or_else(|| Trouble::usage("a quote is not closed", "close it; nothing was done"))?;
        let words: Vec<OsString> = std::iter::once("nightlatch".to_owned()).chain(words).map(OsString::from).collect();
        let line = Line::try_parse_from(&words).map_err(|error| {
            if let Some(word) = no_command(&words) {
                return Trouble::usage(format!("{word} is no command"), "help lists the commands");
            }
            let text = error.render().to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text);
            Trouble::usage(text.lines().next().unwrap_or_default(), "help lists the commands")
        })?;
        let verb = match (line.verb, line.id) {
            (Some(verb), _) => verb,
            (None, Some(id)) => Verb::Show(reading::Show { id }),
            (None, None) => return Err(Trouble::usage("that is no command", "help lists the commands")),
        };
        match kind(&verb) {
            Kind::Elsewhere => Err(Trouble::usage("that is not done here", "run it in a shell of its own")),
            Kind::Acts if self.read_only => {
                Err(Trouble::usage("read-only: nothing acts here", "start without --read-only"))
            }
            // What is typed into a pipe was typed before anything could be read: it names what was read.
            Kind::Acts if !self.cx.out.asks && matches!(&verb, Verb::Approve(approve) if approve.seen.is_none()) => {
                Err(Trouble::usage(
                    "nothing was sent: this is no terminal, so it cannot be shown and asked about first",
                    "show it, then say the version that you read: approve 142 --seen VERSION",
                ))
            }
            Kind::Acts | Kind::Reads => dispatch(verb, self.cx, self.rooms).await,
        }
    }
}

/// What a command is to this pane.
enum Kind {
    Reads,
    Acts,
    Elsewhere,
}

fn kind(verb: &Verb) -> Kind {
    match verb {
        Verb::Board(board) if board.watch_json => Kind::Elsewhere,
        Verb::List(_)
        | Verb::Show(_)
        | Verb::Board(_)
        | Verb::Mine(_)
        | Verb::Left(_)
        | Verb::Systems(_)
        | Verb::Whoami(_) => Kind::Reads,
        Verb::Request(_)
        | Verb::Amend(_)
        | Verb::Withdraw(_)
        | Verb::Approve(_)
        | Verb::Deny(_)
        | Verb::SendBack(_)
        | Verb::Claim(_)
        | Verb::Ack(_)
        | Verb::Extend(_)
        | Verb::Connect(_)
        | Verb::HandBack(_)
        | Verb::Note(_)
        | Verb::Revoke(_)
        | Verb::Freeze(_)
        | Verb::Thaw(_)
        | Verb::Undo(_)
        | Verb::Retry(_)
        | Verb::HandOver(_)
        | Verb::Removal(_) => Kind::Acts,
        _ => Kind::Elsewhere,
    }
}

/// The words of a line, as a shell would take them apart; none where a quote is left open.
fn words(line: &str) -> Option<Vec<String>> {
    let (mut words, mut word, mut quote, mut letters) = (Vec::new(), None::<String>, None, line.chars());
    while let Some(ch) = letters.next() {
        match (quote, ch) {
            (Some(open), ch) if ch == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(ch);
                word.get_or_insert_default();
            }
            (None | Some('"'), '\\') => word.get_or_insert_default().push(letters.next()?),
            (None, ch) if ch.is_whitespace() => words.extend(word.take()),
            (_, ch) => word.get_or_insert_default().push(ch),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_apart_as_a_shell_would() {
        let cases: [(&str, Option<&[&str]>); 6] = [
            ("approve 142", Some(&["approve", "142"])),
            ("deny 142 --words 'not  tonight'", Some(&["deny", "142", "--words", "not  tonight"])),
            (r#"note 142 "it's \"so\"""#, Some(&["note", "142", "it's \"so\""])),
            ("a ''", Some(&["a", ""])),
            (r"a\ b", Some(&["a b"])),
            ("deny 'x", None),
        ];
        for (line, taken) in cases {
            assert_eq!(
                words(line).as_deref().map(|words| words.iter().map(String::as_str).collect::<Vec<_>>()),
                taken.map(<[&str]>::to_vec),
                "{line}"
            );
        }
    }
}
