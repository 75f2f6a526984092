//! The board on paper: what is overdue, what waits, what is open; and what of it is this viewer's.
//!
//! Pure.

use super::exit::Exit;
use super::eye::Eye;
use super::names;
use super::page::Page;
use super::sheet;
use crate::access::Status;
use crate::client::kept::GlanceRow;
use crate::wire::{BoardView, MeView, RequestView};

/// What makes a waiting request this viewer's.
#[derive(Debug, Clone)]
pub struct Mine {
    me: String,
    systems: Vec<String>,
}

impl Mine {
    /// Of this person.
    pub fn new(me: &MeView) -> Self {
        Self { me: me.person.id.clone(), systems: me.on_duty_for.clone() }
    }

    /// Whether it waits for this viewer's verdict.
    pub fn waits(&self, row: &RequestView) -> bool {
        let extension = row.extension.as_ref().filter(|extension| extension.waits);
        let approver = match extension {
            Some(extension) => &extension.approver.id,
            None if row.status == Status::Pending => &row.approver.id,
            None => return false,
        };
        self.decides(approver, [&row.requester.id, &row.user.id], &row.system)
    }

    /// The same, of a row at a glance.
    pub fn waits_at_a_glance(&self, row: &GlanceRow) -> bool {
        let approver = match row.extension.as_ref().filter(|extension| extension.waits) {
            Some(extension) => &extension.approver.id,
            None if row.status == Status::Pending => &row.approver.id,
            None => return false,
        };
        self.decides(approver, [&row.requester.id, &row.user.id], &row.system)
    }

    fn decides(&self, approver: &String, own: [&String; 2], system: &String) -> bool {
        *approver == self.me || (!own.contains(&&self.me) && self.systems.contains(system))
    }

    /// Who looks.
    pub fn me(&self) -> &str {
        &self.me
    }
}

/// How `board --once` ends: the highest that holds.
pub fn exit(board: &BoardView, mine: &Mine) -> Exit {
    let overdue = board.rows.iter().any(|row| row.overdue).then_some(Exit::Overdue);
    let waits = board.rows.iter().any(|row| mine.waits(row)).then_some(Exit::WaitsForMe);
    overdue.or(waits).unwrap_or(Exit::Done)
}

/// The board.
pub fn page(board: &BoardView, mine: &Mine, eye: &Eye) -> Page {
    let mut page = Page::new();
    let band = |wanted: fn(&RequestView) -> bool| board.rows.iter().filter(move |row| wanted(row));
    if !board.sane {
        page.line("the server's clock cannot be trusted: nothing is approved or granted, removals go on");
    }
    if !board.frozen.is_empty() {
        let all = board.frozen.iter().any(|system| system == "*");
        let what = if all { "everything".into() } else { board.frozen.join(", ") };
        page.line(format!("frozen: {what}"));
    }
    for row in band(|row| row.overdue) {
        page.line(format!("!! OVERDUE REMOVAL {}{}", sheet::head(row), since(row, eye)));
    }
    page.append(band_of("pending", band(is_waiting), mine, eye));
    page.append(band_of("open", band(|row| is_open(row) && !is_waiting(row)), mine, eye));
    page.append(band_of("ended lately", band(|row| !is_open(row) && !is_waiting(row)), mine, eye));
    if page.is_empty() {
        page.line("nothing waits, nothing is open");
    }
    page
}

fn is_waiting(row: &RequestView) -> bool {
    let extension = row.extension.as_ref().is_some_and(|extension| extension.waits);
    extension || matches!(row.status, Status::Pending | Status::SentBack)
}

fn is_open(row: &RequestView) -> bool {
    !row.status.is_over()
}

fn since(row: &RequestView, eye: &Eye) -> String {
    let Some(grant) = &row.grant else { return String::new() };
    let error = grant.last_error.as_ref().map(|error| format!(": {error}")).unwrap_or_default();
    format!(" since {}, try {}{error}", eye.short(grant.overdue_from), grant.attempts)
}

fn band_of<'a>(name: &str, rows: impl Iterator<Item = &'a RequestView>, mine: &Mine, eye: &Eye) -> Page {
    let rows: Vec<Vec<String>> = rows
        .map(|row| {
            let mark = match (row.overdue, mine.waits(row)) {
                (true, _) => "!!",
                (false, true) => ">",
                (false, false) => "",
            };
            let mut cells = vec![format!("{mark:2}")];
            cells.extend(cells_of(row, eye));
            cells
        })
        .collect();
    let mut page = Page::new();
    if !rows.is_empty() {
        page.line(format!("{name} ({})", rows.len()));
        let head = ["", "NL", "STATUS", "WHO", "SYSTEM", "ROLE", "TIME", "TICKET", "TASK"];
        page.table(&head, &rows, eye.width);
    }
    page
}

/// Requests as a table, or a line where there is none.
pub fn rows(requests: &[RequestView], eye: &Eye, none: &str) -> Page {
    if requests.is_empty() {
        return Page::of(none);
    }
    let rows: Vec<Vec<String>> = requests.iter().map(|row| cells_of(row, eye)).collect();
    let mut page = Page::new();
    page.table(&["NL", "STATUS", "WHO", "SYSTEM", "ROLE", "TIME", "TICKET", "TASK"], &rows, eye.width);
    page
}

fn cells_of(row: &RequestView, eye: &Eye) -> Vec<String> {
    let extension = row.extension.as_ref().filter(|extension| extension.waits);
    let status = match (row.overdue, extension) {
        (true, _) => "OVERDUE".to_owned(),
        (false, Some(_)) => format!("{}, asks for more", row.status.word()),
        (false, None) => row.status.word().to_owned(),
    };
    let time = match (row.status, row.window.until) {
        (Status::Pending | Status::SentBack, _) => format!("asked {} ago", eye.age(row.filed_at)),
        (Status::Active | Status::Granting, Some(until)) => {
            format!("{} left, {}", eye.left(until), eye.short(until))
        }
        (Status::Approved, _) => row.window.from.map(|from| format!("from {}", eye.short(from))).unwrap_or_default(),
        (_, Some(until)) => format!("ended {}", eye.short(ended(row).unwrap_or(until))),
        (_, None) => format!("asked {} ago", eye.age(row.filed_at)),
    };
    vec![
        names::number(row.id),
        status,
        row.user.id.clone(),
        row.system.clone(),
        row.role.clone(),
        time,
        row.ticket.clone().unwrap_or_else(|| "-".into()),
        names::text(row.task.as_ref()).to_owned(),
    ]
}

fn ended(row: &RequestView) -> Option<crate::text::Instant> {
    Some(row.grant.as_ref()?.ended.as_ref()?.at)
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use serde_json::json;

    fn board(rows: Vec<RequestView>) -> BoardView {
        BoardView {
            seq: 60,
            server_now: samples::eye().now,
            full: true,
            rows,
            gone: Vec::new(),
            link: String::new(),
            frozen: Vec::new(),
            sane: true,
        }
    }

    fn mine(id: &str, systems: &[&str]) -> Mine {
        let me = json!({"person": {"id": id, "name": id}, "zone": "UTC", "duties": [], "on_duty_for": systems,
            "via": "socket", "store": "7f3a"});
        Mine::new(&serde_json::from_value(me).unwrap())
    }

    #[test]
    fn the_highest_that_holds_is_the_exit() {
        let (pending, _) = samples::pending();
        let (overdue, _) = samples::overdue();
        assert_eq!(exit(&board(vec![]), &mine("sam", &[])).code(), 0);
        assert_eq!(exit(&board(vec![pending.clone()]), &mine("sam", &[])).code(), 10);
        assert_eq!(exit(&board(vec![pending.clone()]), &mine("li", &["payments"])).code(), 10);
        assert_eq!(exit(&board(vec![pending.clone()]), &mine("li", &[])).code(), 0);
        assert_eq!(exit(&board(vec![pending.clone()]), &mine("ana", &["payments"])).code(), 0);
        assert_eq!(exit(&board(vec![pending, overdue]), &mine("sam", &[])).code(), 20);
    }

    #[test]
    fn the_board_says_the_overdue_first() {
        let (pending, eye) = samples::pending();
        let (overdue, _) = samples::overdue();
        let wide = Eye { width: None, ..eye };
        let page = page(&board(vec![pending, overdue]), &mine("sam", &[]), &wide);
        insta::assert_snapshot!(page.to_string(), @r"
        !! OVERDUE REMOVAL NL-142 payments (production) restart for Ana Ruiz (ana) since 00:20 CET (23:20Z), try 7: permission denied
        pending (1)
            NL      STATUS   WHO  SYSTEM    ROLE     TIME          TICKET  TASK
        >   NL-142  pending  ana  payments  restart  asked 6m ago  INC-88  Restart the stuck worker and see the queue drain
        open (1)
            NL      STATUS   WHO  SYSTEM    ROLE     TIME                      TICKET  TASK
        !!  NL-142  OVERDUE  ana  payments  restart  ended 00:20 CET (23:20Z)  INC-88  Restart the stuck worker and see the queue drain
        ");
    }
}
