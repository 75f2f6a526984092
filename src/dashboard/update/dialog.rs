//! Keys in a dialog: every printable one is text, Enter sends only what is complete, Esc leaves and never acts.

use super::super::dialog::{Dialog, FLASH, Stop, Verb, Wants};
use super::super::effect::Effect;
use super::super::model::Model;
use super::super::msg::Moment;
use super::super::view;
use super::acts;
use super::rest::scrolled;
use super::typed;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// One key.
pub fn key(model: &mut Model, key: &KeyEvent, effects: &mut Vec<Effect>) {
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    let Some(dialog) = model.dialog.as_ref() else { return };
    // Leaving is always possible, at once: it is the one thing that a frightened hand should be able to do.
    if key.code == KeyCode::Esc || (ctrl && key.code == KeyCode::Char('c')) {
        model.walk = None;
        return acts::leave(model, effects);
    }
    if model.now < dialog.deaf_until || dialog.sending.is_some() {
        return flash(model);
    }
    let walk = dialog.walk;
    match key.code {
        KeyCode::Char('n') if ctrl && walk => acts::walk_on(model, effects),
        KeyCode::Char('z') if ctrl => effects.push(Effect::Suspend),
        KeyCode::PageDown => scroll(model, page(model)),
        KeyCode::PageUp => scroll(model, -page(model)),
        KeyCode::BackTab => tab(model, true),
        KeyCode::Tab => tab(model, key.modifiers.contains(KeyModifiers::SHIFT)),
        KeyCode::Enter => enter(model, effects),
        _ => at_stop(model, key),
    }
}

fn tab(model: &mut Model, back: bool) {
    if let Some(dialog) = model.dialog.as_mut() {
        dialog.tab(back);
    }
}

fn page(model: &Model) -> i64 {
    let (_, height) = view::dialog::measure(model);
    i64::try_from(height).unwrap_or(1).saturating_sub(1).max(1)
}

/// Moves the text of the dialog.
pub fn scroll(model: &mut Model, by: i64) {
    let (total, height) = view::dialog::measure(model);
    if let Some(dialog) = model.dialog.as_mut() {
        dialog.top = scrolled(dialog.top, by, total.saturating_sub(height));
    }
}

/// A key that does not count is seen not to count.
fn flash(model: &mut Model) {
    if let Some(dialog) = model.dialog.as_mut() {
        dialog.flash_until = Moment(model.now.0 + FLASH);
    }
}

fn at_stop(model: &mut Model, key: &KeyEvent) {
    let wakes = view::dialog::disarmed(model).is_none();
    let (now, floor) = (model.server_now(), model.now);
    let Some(dialog) = model.dialog.as_mut() else { return };
    let held = key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    let others = dialog.others().len();
    let took = match dialog.stop {
        Stop::Field(index) if wakes => dialog.fields.get_mut(index).is_some_and(|field| typed::key(field, key)),
        Stop::Codes if !held => match key.code {
            KeyCode::Left => choose(&mut dialog.code, dialog.codes.len(), false),
            KeyCode::Right => choose(&mut dialog.code, dialog.codes.len(), true),
            KeyCode::Up | KeyCode::Down | KeyCode::Char(' ') => match dialog.codes.get_mut(dialog.code) {
                Some((_, on)) => {
                    *on = !*on;
                    true
                }
                None => false,
            },
            _ => false,
        },
        Stop::End => move_end(dialog, key.code, now),
        Stop::Role => match (key.code, dialog.terms.as_mut()) {
            (KeyCode::Up, Some(terms)) => choose(&mut terms.role, terms.roles.len(), false),
            (KeyCode::Down, Some(terms)) => choose(&mut terms.role, terms.roles.len(), true),
            _ => false,
        },
        Stop::Verdicts => match key.code {
            KeyCode::Left | KeyCode::Up => choose(&mut dialog.other, others, false),
            KeyCode::Right | KeyCode::Down => choose(&mut dialog.other, others, true),
            _ => false,
        },
        Stop::Field(_) | Stop::Codes => false,
    };
    if took {
        dialog.said = None;
    } else {
        dialog.flash_until = Moment(floor.0 + FLASH);
    }
}

fn choose(at: &mut usize, many: usize, forward: bool) -> bool {
    let many = many.max(1);
    *at = if forward { *at + 1 } else { *at + many - 1 } % many;
    true
}

fn move_end(dialog: &mut Dialog, code: KeyCode, now: crate::text::Instant) -> bool {
    let (verb, bound) = (dialog.verb, dialog.view().window.until);
    let start = dialog.starts(now);
    // An extension ends later than the grant does now, or it is none.
    let waits = super::super::standing::extension_waits(dialog.view());
    let least = bound.filter(|_| waits).unwrap_or(now);
    let Some(terms) = dialog.terms.as_mut() else { return false };
    let took = match code {
        KeyCode::Up if verb == Verb::Extend => terms.move_asked(1, bound),
        KeyCode::Down if verb == Verb::Extend => terms.move_asked(-1, bound),
        KeyCode::Up => terms.move_end(-1, start, least),
        KeyCode::Down => terms.move_end(1, start, least),
        KeyCode::Right => terms.move_start(1),
        KeyCode::Left => terms.move_start(-1),
        _ => false,
    };
    if took && matches!(code, KeyCode::Right | KeyCode::Left) {
        // The start that is put off is the one that was on the screen when it was.
        dialog.start = Some(start);
    }
    took
}

fn enter(model: &mut Model, effects: &mut Vec<Effect>) {
    let disarmed = view::dialog::disarmed(model);
    let Some(dialog) = model.dialog.as_mut() else { return };
    match dialog.stop {
        Stop::Verdicts => {
            if let Some(verb) = dialog.others().get(dialog.other).copied() {
                acts::switch(model, verb, effects);
            }
            return;
        }
        Stop::End | Stop::Role | Stop::Codes => {
            dialog.stop = Stop::Field(0);
            return;
        }
        Stop::Field(_) => {}
    }
    if let Some(why) = disarmed {
        dialog.said = Some(why);
        return flash(model);
    }
    if let Some((index, why)) = missing(dialog) {
        // Words that are still to come are no fault: Enter goes on to them.
        let on = dialog.stop != Stop::Field(index);
        dialog.stop = Stop::Field(index);
        dialog.said = Some(why);
        if !on {
            flash(model);
        }
        return;
    }
    acts::send(model, effects);
}

/// The first field that is not as it has to be, and why.
fn missing(dialog: &Dialog) -> Option<(usize, String)> {
    let wanted = dialog.wanted();
    dialog.fields.iter().enumerate().find_map(|(index, field)| {
        let typed = field.typed();
        let why = match field.wants {
            Wants::Digits if typed == wanted => return None,
            Wants::Digits if typed.is_empty() => format!("nothing was sent: type {wanted}, then Enter"),
            Wants::Digits => format!("nothing was sent: {typed:?} is not {wanted}"),
            Wants::Words if typed.trim().is_empty() => {
                format!("nothing was sent: {} wants a line of words", field.label)
            }
            Wants::Words | Wants::Maybe => return None,
        };
        Some((index, why))
    })
}

/// A paste is text where words are wanted, and nothing anywhere else; it never acts.
pub fn paste(model: &mut Model, text: &str) {
    let wakes = view::dialog::disarmed(model).is_none();
    let now = model.now;
    let Some(dialog) = model.dialog.as_mut() else { return };
    let index = match dialog.stop {
        Stop::Field(index) => index,
        _ => usize::MAX,
    };
    let took = match dialog.fields.get_mut(index) {
        Some(field) if wakes && field.wants != Wants::Digits && now >= dialog.deaf_until => typed::paste(field, text),
        _ => false,
    };
    if !took {
        dialog.flash_until = Moment(now.0 + FLASH);
        dialog.said = Some("a paste is not taken here".into());
    }
}

/// The pane got the focus back: what was typed meanwhile was not meant for it.
pub fn settle(model: &mut Model) {
    if let Some(dialog) = model.dialog.as_mut() {
        dialog.settle(model.now);
    }
}
