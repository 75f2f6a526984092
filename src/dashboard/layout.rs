//! How a screen is divided: by its size and what is on it, never by how much there is, so that nothing moves when rows come
//! and go.

use super::rows::Side;
use super::views::View;
use ratatui::layout::Rect;

/// What fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Counts and the most urgent row.
    Mini,
    /// 80×24: the lists, or the detail instead of them.
    Small,
    /// 120×40: the lists left, the detail right.
    Medium,
    /// 200×60: the timeline and who can say yes as well.
    Large,
}

/// What is on the screen, as far as it matters for dividing it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shape {
    /// The view.
    pub view: View,
    /// The board's pane that has the focus.
    pub focus: Side,
    /// The pane alone on the screen.
    pub zoomed: bool,
    /// The open request has the keys.
    pub detail: bool,
}

/// Where everything goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// What fits.
    pub class: Class,
    /// The header.
    pub header: Rect,
    /// The overdue line.
    pub overdue: Rect,
    /// The views.
    pub tabs: Rect,
    /// What waits, with its heading and its foot.
    pub waiting: Rect,
    /// What lives, with its heading and its foot.
    pub live: Rect,
    /// The one list of a view that is not the board, with its heading and its foot.
    pub list: Rect,
    /// What stands above that list.
    pub panel: Rect,
    /// The open request.
    pub detail: Rect,
    /// A third column, where there is room.
    pub aside: Rect,
    /// The sentence at the foot.
    pub notice: Rect,
    /// The keys.
    pub footer: Rect,
    /// Everything between the tabs and the foot.
    pub middle: Rect,
}

/// The time left, large: five lines, what it is of, and a blank one.
const PANEL: u16 = 7;

const NOTHING: Rect = Rect { x: 0, y: 0, width: 0, height: 0 };

impl Plan {
    /// The plan of a screen.
    pub fn of((width, height): (u16, u16), shape: Shape) -> Self {
        let Shape { view, focus, zoomed, detail } = shape;
        let class = match (width, height) {
            (..60, _) | (_, ..15) => Class::Mini,
            (160.., 45..) => Class::Large,
            (110.., 30..) => Class::Medium,
            _ => Class::Small,
        };
        let line = |y: u16| Rect { x: 0, y: y.min(height.saturating_sub(1)), width, height: u16::from(y < height) };
        let whole = Rect { x: 0, y: 3, width, height: height.saturating_sub(5) };
        let mut plan = Self {
            class,
            header: line(0),
            overdue: line(1),
            tabs: line(2),
            waiting: NOTHING,
            live: NOTHING,
            list: NOTHING,
            panel: NOTHING,
            detail: NOTHING,
            aside: NOTHING,
            notice: line(height.saturating_sub(2)),
            footer: line(height.saturating_sub(1)),
            middle: whole,
        };
        let middle = if view == View::Mine && class != Class::Mini {
            let panel = PANEL.min(whole.height);
            plan.panel = Rect { height: panel, ..whole };
            Rect { y: whole.y + panel, height: whole.height - panel, ..whole }
        } else {
            whole
        };
        let lists = match class {
            Class::Mini => {
                plan.middle = Rect { x: 0, y: 2, width, height: height.saturating_sub(2) };
                return plan;
            }
            Class::Small if detail => {
                (plan.detail, plan.panel) = (whole, NOTHING);
                return plan;
            }
            Class::Small => middle,
            _ if zoomed && detail => {
                (plan.detail, plan.panel) = (whole, NOTHING);
                return plan;
            }
            _ if zoomed => middle,
            // A record is one long text: it has all the room beside the list.
            Class::Medium | Class::Large if class == Class::Medium || view == View::History => {
                let left = width * 11 / 20;
                plan.detail = Rect { x: left + 2, width: width - left - 2, ..middle };
                Rect { width: left, ..middle }
            }
            _ => {
                let (left, side) = (width * 9 / 20, width / 4);
                plan.detail = Rect { x: left + 2, width: width - left - side - 4, ..middle };
                plan.aside = Rect { x: width - side, width: side, ..middle };
                Rect { width: left, ..middle }
            }
        };
        if view != View::Board {
            plan.list = lists;
            return plan;
        }
        // The pane with the focus grows, at every size alike.
        let upper = match (zoomed, focus) {
            (true, Side::Waiting) => lists.height,
            (true, Side::Live) => 0,
            (false, Side::Waiting) => lists.height - lists.height * 2 / 5,
            (false, Side::Live) => lists.height * 2 / 5,
        };
        plan.waiting = Rect { height: upper, ..lists };
        plan.live = Rect { y: lists.y + upper, height: lists.height - upper, ..lists };
        plan
    }

    /// A pane's place.
    pub const fn pane(&self, side: Side) -> Rect {
        match side {
            Side::Waiting => self.waiting,
            Side::Live => self.live,
        }
    }

    /// How many rows a pane shows: one line is its heading, one its foot.
    pub const fn rows(&self, side: Side) -> u16 {
        self.pane(side).height.saturating_sub(2)
    }

    /// How many rows the panes show.
    pub const fn heights(&self) -> (u16, u16) {
        (self.rows(Side::Waiting), self.rows(Side::Live))
    }

    /// How many rows the one list shows.
    pub const fn list_rows(&self) -> u16 {
        self.list.height.saturating_sub(2)
    }

    /// Whether the open request stands beside the lists.
    pub const fn beside(&self) -> bool {
        self.detail.width > 0 && (self.waiting.width > 0 || self.live.width > 0 || self.list.width > 0)
    }

    /// The place of a dialog: as wide as its text wants, in the middle of what is not a band.
    pub fn dialog(&self, (width, height): (u16, u16)) -> Rect {
        let wide = width.min(if width > 100 { 100 } else { width });
        // The bands stay in sight, except where there is no room for both.
        let top = if height >= 15 { 2 } else { 0 };
        Rect { x: (width - wide) / 2, y: top, width: wide, height: height.saturating_sub(top) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_lies_on_the_screen() {
        for width in (1..=210).chain([500]) {
            for height in (1..=65).chain([200]) {
                for (view, focus, zoomed, detail) in [
                    (View::Board, Side::Waiting, false, false),
                    (View::Board, Side::Live, false, true),
                    (View::Board, Side::Live, true, false),
                    (View::Board, Side::Waiting, true, true),
                    (View::Mine, Side::Waiting, false, false),
                    (View::Mine, Side::Waiting, true, true),
                    (View::History, Side::Live, false, true),
                    (View::History, Side::Live, true, false),
                ] {
                    let plan = Plan::of((width, height), Shape { view, focus, zoomed, detail });
                    let screen = Rect { x: 0, y: 0, width, height };
                    for place in [
                        plan.header,
                        plan.overdue,
                        plan.tabs,
                        plan.waiting,
                        plan.live,
                        plan.list,
                        plan.panel,
                        plan.detail,
                        plan.aside,
                        plan.notice,
                        plan.footer,
                        plan.middle,
                        plan.dialog((width, height)),
                    ] {
                        assert!(place.is_empty() || screen.union(place) == screen, "{width}x{height} {place:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_four_sizes() {
        let class = |w, h| Plan::of((w, h), Shape::default()).class;
        assert_eq!([class(59, 24), class(80, 14)], [Class::Mini; 2]);
        assert_eq!(class(80, 24), Class::Small);
        assert_eq!(class(120, 40), Class::Medium);
        assert_eq!(class(200, 60), Class::Large);
        let plan = Plan::of((80, 24), Shape { focus: Side::Live, ..Shape::default() });
        assert!(plan.rows(Side::Live) > plan.rows(Side::Waiting) && plan.rows(Side::Waiting) > 3);
    }
}
