//! The form in which a request is written: typing is never hindered, the checks come when the hands rest, and Enter files
//! only what is whole.

use super::super::allowed::why_not;
use super::super::dialog::{FLASH, Verb};
use super::super::effect::Effect;
use super::super::form::{Form, Part, REST};
use super::super::keys::Action;
use super::super::model::Model;
use super::super::msg::{ActId, AskId, Moment, Refused};
use super::super::theme::Tone;
use super::foot::{say, sentence};
use super::{acts, lists, typed};
use crate::access::RequestNumber;
use crate::wire::{ChecksView, FileBody, RequestView, WordsBody};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// `n` and `E`: the form, as it was left, or with what is mended.
pub fn open(model: &mut Model, action: Action) {
    if let Some(why) = why_not(model, action) {
        return say(model, Tone::Soon, why);
    }
    let mended = if action == Action::Mend { model.pointed().and_then(|id| model.known(id)) } else { None };
    if action == Action::Mend && model.seen.id != mended.as_ref().map(|view| view.id) {
        return say(model, Tone::Soon, "that key came before the row was on the screen: look, and press it again");
    }
    let version = |form: &Form| form.mends.as_ref().map(|view| (view.id, view.version));
    let wanted = mended.as_ref().map(|view| (view.id, view.version));
    let draft = model.draft.take().filter(|draft| version(draft) == wanted);
    let mut form = draft.unwrap_or_else(|| mended.map_or_else(Form::new, Form::mending));
    form.check_at = Some(Moment(model.now.0 + REST));
    model.form = Some(form);
}

/// Leaves it; what was written is there again at the next time.
pub fn leave(model: &mut Model) {
    let Some(form) = model.form.take() else { return };
    model.draft = Some(form).filter(|form| !form.is_empty());
    model.seen.id = None;
}

/// One key.
pub fn key(model: &mut Model, key: &KeyEvent, effects: &mut Vec<Effect>) {
    let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
    let systems = model.systems.as_ref();
    let Some(form) = model.form.as_mut() else { return };
    match key.code {
        KeyCode::Esc => leave(model),
        KeyCode::Char('c') if ctrl => leave(model),
        KeyCode::Char('z') if ctrl => effects.push(Effect::Suspend),
        _ if form.sending.is_some() => form.flash_until = Moment(model.now.0 + FLASH),
        KeyCode::Tab | KeyCode::BackTab => {
            let back = key.code == KeyCode::BackTab || key.modifiers.contains(KeyModifiers::SHIFT);
            form.settle_choice(systems);
            form.at = form.next(back);
            changed(model);
        }
        KeyCode::Enter => enter(model, effects),
        KeyCode::Up | KeyCode::Down => {
            if form.choose(systems, key.code == KeyCode::Down) {
                changed(model);
            } else {
                form.at = form.next(key.code == KeyCode::Up);
            }
        }
        KeyCode::Char('u') if ctrl => {
            let part = form.at;
            form.field_mut(part).set("");
            changed(model);
        }
        _ => {
            let part = form.at;
            if typed::key(form.field_mut(part), key) {
                changed(model);
            } else {
                form.flash_until = Moment(model.now.0 + FLASH);
            }
        }
    }
}

/// A paste is text.
pub fn paste(model: &mut Model, text: &str) {
    let now = model.now;
    let Some(form) = model.form.as_mut() else { return };
    let part = form.at;
    if form.sending.is_none() && typed::paste(form.field_mut(part), text) {
        changed(model);
    } else {
        form.flash_until = Moment(now.0 + FLASH);
    }
}

/// Something was written: the checks are asked when the hands rest.
fn changed(model: &mut Model) {
    let now = model.now;
    if let Some(form) = model.form.as_mut() {
        form.said = None;
        form.check_at = Some(Moment(now.0 + REST));
    }
}

/// What time alone does.
pub fn tick(model: &mut Model, effects: &mut Vec<Effect>) {
    let due = model.form.as_ref().is_some_and(|form| form.check_at.is_some_and(|at| at <= model.now));
    if !due {
        return;
    }
    let body = body(model);
    let refuses = model.link.refuses(model.now, false);
    let ask = model.next_question();
    let systems = model.systems.as_ref();
    let Some(form) = model.form.as_mut() else { return };
    form.check_at = None;
    form.look_early(systems);
    let Some(mut body) = body else { return };
    body.anyway = false;
    let body = acts::body(&body);
    if form.checked_body.as_ref() == Some(&body) && form.unchecked.is_none() {
        return;
    }
    if let Some(why) = refuses {
        form.unchecked = Some(why.into());
        return;
    }
    form.asked = Some(ask);
    form.checked_body = Some(body.clone());
    effects.push(Effect::Check { ask, body });
}

/// What would be filed now.
fn body(model: &Model) -> Option<FileBody> {
    model.form.as_ref()?.body(model.systems.as_ref(), model.zone.name())
}

/// What the checks found.
pub fn checked(model: &mut Model, ask: AskId, outcome: Result<Box<ChecksView>, Refused>) {
    let Some(form) = model.form.as_mut().filter(|form| form.asked == Some(ask)) else { return };
    form.asked = None;
    match outcome {
        Ok(mut view) => {
            // What is mended does not stand in its own way.
            view.checks.retain(|check| form.mends.is_none() || check.code != "overlap");
            (form.checked, form.unchecked) = (Some(view), None);
            if form.failed() == 0 && form.typed(Part::Anyway).is_empty() && form.at != Part::Anyway {
                form.anyway = false;
            }
        }
        Err(refused) => (form.checked, form.unchecked) = (None, Some(sentence(&refused))),
    }
}

fn enter(model: &mut Model, effects: &mut Vec<Effect>) {
    let systems = model.systems.as_ref();
    let Some(form) = model.form.as_mut() else { return };
    form.settle_choice(systems);
    let missing = form.missing(systems);
    let last = form.parts().last() == Some(form.at);
    match missing {
        // What is wrong here, or, at the end, anywhere.
        Some((part, why)) if last || part == form.at => {
            form.at = part;
            form.said = Some(why);
            form.flash_until = Moment(model.now.0 + FLASH);
        }
        _ if !last => {
            form.at = form.next(false);
            form.said = None;
        }
        _ => file(model, effects),
    }
}

fn file(model: &mut Model, effects: &mut Vec<Effect>) {
    let body = body(model);
    let refuses = model.link.refuses(model.now, false);
    let act = acts::next(model);
    let Some(form) = model.form.as_mut() else { return };
    if let Some(why) = refuses {
        form.said = Some(format!("{why}: what you wrote stays here"));
        return;
    }
    if form.failed() > 0 && !form.anyway {
        return ask_why(form, "a check fails");
    }
    let Some(body) = body else { return };
    form.sending = Some(act);
    form.said = None;
    let (mends, body) = match form.mends.clone() {
        None => (None, acts::body(&body)),
        Some(view) => (Some(view.id), acts::body(&form.amended(&view, body))),
    };
    effects.push(Effect::File { act, mends, body });
}

/// A check fails: it can be mended, or somebody says why it is filed all the same.
fn ask_why(form: &mut Form, why: &str) {
    form.anyway = true;
    form.at = Part::Anyway;
    form.said = Some(format!("{why}: mend it, or say here why it is filed all the same"));
}

/// What came of filing.
pub fn filed(model: &mut Model, act: ActId, outcome: Result<Box<RequestView>, Refused>, effects: &mut Vec<Effect>) {
    let ours = |form: &Option<Form>| form.as_ref().is_some_and(|form| form.sending == Some(act));
    let (open, left) = (ours(&model.form), ours(&model.draft));
    match outcome {
        Ok(view) => {
            let form = if open { model.form.take() } else { model.draft.take_if(|_| left) };
            let why = form.as_ref().filter(|form| form.anyway).map(|form| form.typed(Part::Anyway).to_owned());
            let mended = form.as_ref().is_some_and(|form| form.mends.is_some());
            let (id, words) = (view.id, said(model, &view, mended));
            model.seen.id = None;
            model.mine.told.push(id);
            model.shelve(*view);
            lists::regroup(model);
            model.mine.roll.let_in();
            let height = model.plan().list_rows();
            model.mine.roll.point(id, height);
            if let Some(why) = why.filter(|why| !why.is_empty()) {
                let act = acts::record(model, id, Verb::Note);
                model.promised.insert(act, format!("{words}; why it is filed all the same is noted"));
                let words = format!("Filed although a check fails: {why}");
                let body = acts::body(&WordsBody { words, ..WordsBody::default() });
                effects.push(Effect::Act { act, id, verb: Verb::Note.path(), body });
            }
            say(model, Tone::Good, words);
        }
        Err(refused) => {
            let words = sentence(&refused);
            let form = if open { model.form.as_mut() } else { model.draft.as_mut().filter(|_| left) };
            if let Some(form) = form {
                form.sending = None;
                if refused.code == "check-failed" {
                    ask_why(form, &refused.sentence);
                } else {
                    form.said = Some(words.clone());
                }
            }
            if !open {
                say(model, Tone::Now, format!("the request was not filed: {words}; it is there again at the next n"));
            }
        }
    }
}

/// What was filed, and whom it waits for.
fn said(model: &Model, view: &RequestView, mended: bool) -> String {
    let what = if mended { "is mended" } else { "is filed" };
    let lapses = view.undecided_until.map(|at| format!(", lapses {}", model.eye().near(at))).unwrap_or_default();
    format!("{} {what} and waits for {} ({}){lapses}", RequestNumber(view.id), view.approver.name, view.approver.id)
}
