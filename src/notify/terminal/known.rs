//! Which terminal this is, as far as its variables say. Pure.

/// How a terminal is told of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speech {
    /// kitty's: replaced in place, with urgency and sound.
    Osc99,
    /// urxvt's: a title and a body.
    Osc777,
    /// iTerm2's: one text.
    Osc9,
    /// Nothing but the bell.
    Bell,
}

impl Speech {
    /// As the doctor names it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Osc99 => "OSC 99",
            Self::Osc777 => "OSC 777",
            Self::Osc9 => "OSC 9",
            Self::Bell => "the bell only",
        }
    }
}

/// What stands between the program and the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inside {
    /// Nothing.
    Nothing,
    /// tmux, which hands on only what it is allowed to.
    Tmux {
        /// Whether it does; where nobody asked it, it is hoped.
        passes: bool,
    },
    /// GNU screen.
    Screen,
}

/// A terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Its name, as the doctor says it.
    pub name: &'static str,
    /// How it is told.
    pub speech: Speech,
    /// What it is reached through.
    pub inside: Inside,
    /// Whether it shows progress. One that does not would take it for a notification.
    pub progress: bool,
}

impl Terminal {
    /// Reads what the environment says.
    pub fn recognise(env: &dyn Fn(&str) -> Option<String>) -> Self {
        Self::behind(env, None)
    }

    /// As [`Terminal::recognise`], where tmux has said which terminal it is attached to.
    pub fn behind(env: &dyn Fn(&str) -> Option<String>, outer: Option<&str>) -> Self {
        let own = env("TERM").unwrap_or_default();
        let inside = inside(env, &own);
        // Within another program, the name of the terminal is that program's.
        let term = match inside {
            Inside::Nothing => own.as_str(),
            _ => outer.unwrap_or_default(),
        };
        let (name, speech, progress) = which(env, term, inside == Inside::Nothing);
        Self { name, speech, inside, progress }
    }

    /// Whether more than the bell reaches it.
    pub const fn passes(&self) -> bool {
        !matches!(self.inside, Inside::Tmux { passes: false })
    }
}

fn inside(env: &dyn Fn(&str) -> Option<String>, term: &str) -> Inside {
    let set = |name: &str| env(name).is_some_and(|value| !value.is_empty());
    if set("TMUX") {
        return Inside::Tmux { passes: true };
    }
    if set("STY") {
        return Inside::Screen;
    }
    // On another machine, reached from within one of them, only the name of the terminal tells.
    if term.starts_with("tmux") || term == "screen-256color" {
        Inside::Tmux { passes: true }
    } else if term == "screen" || term.starts_with("screen.") {
        Inside::Screen
    } else {
        Inside::Nothing
    }
}

fn which(env: &dyn Fn(&str) -> Option<String>, term: &str, direct: bool) -> (&'static str, Speech, bool) {
    let set = |name: &str| env(name).is_some_and(|value| !value.is_empty());
    let program = if direct { env("TERM_PROGRAM").unwrap_or_default() } else { String::new() };
    // What the terminal itself says comes first: the variables of one may be left over in another that was begun from it.
    let named = match (term, program.as_str()) {
        ("xterm-kitty", _) | (_, "kitty") => Some(KITTY),
        ("xterm-ghostty", _) | (_, "ghostty") => Some(GHOSTTY),
        ("wezterm", _) | (_, "WezTerm") => Some(WEZTERM),
        (_, "iTerm.app") => Some(ITERM),
        (_, "mintty") => Some(("mintty", Speech::Osc777, true)),
        (_, "WarpTerminal") => Some(("Warp", Speech::Osc777, false)),
        (_, "vscode") => Some(("Visual Studio Code", Speech::Osc9, true)),
        (_, "Apple_Terminal") => Some(("Apple's Terminal", Speech::Bell, false)),
        ("linux", _) => Some(("the console", Speech::Bell, false)),
        ("dumb", _) => Some(("a dumb terminal", Speech::Bell, false)),
        _ if term.starts_with("foot") => Some(("foot", Speech::Osc777, false)),
        _ if term.starts_with("rxvt") => Some(("urxvt", Speech::Osc777, false)),
        _ => None,
    };
    if let Some(named) = named {
        return named;
    }
    if set("KITTY_WINDOW_ID") {
        KITTY
    } else if set("GHOSTTY_RESOURCES_DIR") {
        GHOSTTY
    } else if set("WEZTERM_PANE") {
        WEZTERM
    } else if set("ITERM_SESSION_ID") || env("LC_TERMINAL").as_deref() == Some("iTerm2") {
        ITERM
    } else if set("WT_SESSION") {
        ("Windows Terminal", Speech::Osc9, true)
    } else if set("ConEmuANSI") {
        ("ConEmu", Speech::Osc9, true)
    } else if let Some(version) = env("VTE_VERSION") {
        // Progress since 0.80.
        ("a VTE terminal", Speech::Osc777, version.parse::<u32>().is_ok_and(|version| version >= 8000))
    } else if set("KONSOLE_VERSION") {
        ("Konsole", Speech::Osc777, false)
    } else {
        ("a terminal that is not known", Speech::Osc9, false)
    }
}

type Known = (&'static str, Speech, bool);
const KITTY: Known = ("kitty", Speech::Osc99, false);
const GHOSTTY: Known = ("Ghostty", Speech::Osc777, true);
const WEZTERM: Known = ("WezTerm", Speech::Osc777, false);
const ITERM: Known = ("iTerm2", Speech::Osc9, false);

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> Terminal {
        behind(variables, None)
    }

    fn behind(variables: &[(&str, &str)], outer: Option<&str>) -> Terminal {
        let env = |name: &str| Some(variables.iter().find(|(known, _)| *known == name)?.1.to_owned());
        Terminal::behind(&env, outer)
    }

    #[test]
    fn terminals_are_known_by_their_variables() {
        for (variables, name, speech) in [
            (&[("TERM", "xterm-kitty")][..], "kitty", Speech::Osc99),
            (&[("TERM", "xterm-256color"), ("TERM_PROGRAM", "ghostty")], "Ghostty", Speech::Osc777),
            (&[("TERM", "foot-extra")], "foot", Speech::Osc777),
            (&[("TERM", "xterm-256color"), ("VTE_VERSION", "7603")], "a VTE terminal", Speech::Osc777),
            (&[("TERM", "xterm-256color"), ("LC_TERMINAL", "iTerm2")], "iTerm2", Speech::Osc9),
            (&[("TERM", "linux")], "the console", Speech::Bell),
            (&[("TERM", "xterm-256color")], "a terminal that is not known", Speech::Osc9),
            (&[], "a terminal that is not known", Speech::Osc9),
            // Begun from within another one.
            (&[("TERM", "foot"), ("KITTY_WINDOW_ID", "1")], "foot", Speech::Osc777),
        ] {
            let terminal = of(variables);
            assert_eq!((terminal.name, terminal.speech, terminal.inside), (name, speech, Inside::Nothing));
        }
        let progress = |variables: &[(&str, &str)]| of(variables).progress;
        assert!(progress(&[("VTE_VERSION", "8001")]) && progress(&[("WT_SESSION", "x")]));
        assert!(!progress(&[("VTE_VERSION", "7603")]) && !progress(&[("LC_TERMINAL", "iTerm2")]) && !progress(&[]));
    }

    #[test]
    fn what_it_runs_in_is_seen_also_on_another_machine() {
        let tmux = Inside::Tmux { passes: true };
        for (variables, inside) in [
            (&[("TERM", "screen-256color"), ("TMUX", "/tmp/x,1,0")][..], tmux),
            (&[("TERM", "xterm-kitty"), ("TMUX", "/tmp/x,1,0")], tmux),
            (&[("TERM", "screen-256color"), ("STY", "1.a")], Inside::Screen),
            (&[("TERM", "tmux-256color")], tmux),
            (&[("TERM", "screen.xterm-256color")], Inside::Screen),
            (&[("TERM", "xterm"), ("TMUX", "")], Inside::Nothing),
        ] {
            assert_eq!(of(variables).inside, inside, "{variables:?}");
        }
        // tmux's own name says nothing of the terminal; what it is attached to does.
        let inner = [("TERM", "tmux-256color"), ("TERM_PROGRAM", "tmux"), ("TMUX", "/tmp/x,1,0")];
        assert_eq!(of(&inner).speech, Speech::Osc9);
        assert_eq!(behind(&inner, Some("xterm-kitty")).speech, Speech::Osc99);
        assert!(!Terminal { inside: Inside::Tmux { passes: false }, ..of(&inner) }.passes());
    }
}
