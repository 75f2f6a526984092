//! What a tone looks like. Mark, word and weight carry the meaning; colour only confirms, so every theme can be read
//! without it.

use ratatui::style::{Color, Modifier, Style};

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colours {
    /// None: mark, word and weight carry everything.
    None,
    /// The sixteen of the terminal's own palette.
    #[default]
    Sixteen,
    /// All of them.
    True,
}

/// What a piece of text means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tone {
    /// Nothing special.
    #[default]
    Plain,
    /// Beside the point, or old.
    Dim,
    /// What one should look at first.
    Strong,
    /// A heading.
    Head,
    /// A key that can be pressed.
    Key,
    /// All is well.
    Good,
    /// Under a quarter of an hour, or worth a look.
    Soon,
    /// Under five minutes, or something stands against it.
    Now,
    /// A removal is overdue.
    Overdue,
    /// The row under the cursor.
    Cursor,
    /// A field that takes text.
    Field,
    /// A field that just swallowed a key.
    Flash,
}

/// Every tone.
pub const TONES: [Tone; 12] = [
    Tone::Plain,
    Tone::Dim,
    Tone::Strong,
    Tone::Head,
    Tone::Key,
    Tone::Good,
    Tone::Soon,
    Tone::Now,
    Tone::Overdue,
    Tone::Cursor,
    Tone::Field,
    Tone::Flash,
];

/// A colour in full and its nearest of the terminal's own sixteen.
type Ink = (u32, Color);

/// The inks of a theme: dim, head, key, good, soon, now, the cursor's ground.
#[derive(Debug)]
struct Inks {
    name: &'static str,
    /// The grounds that it has to be read on, darkest and lightest; a test holds it.
    #[cfg_attr(not(test), allow(dead_code, reason = "what the contrast is measured against"))]
    grounds: [u32; 2],
    dim: Ink,
    head: Ink,
    key: Ink,
    good: Ink,
    soon: Ink,
    now: Ink,
    cursor: Ink,
    #[cfg_attr(not(test), allow(dead_code, reason = "what the contrast has to be"))]
    least: f64,
}

const THEMES: [Inks; 4] = [
    Inks {
        name: "dark",
        grounds: [0x00_00_00, 0x28_2c_34],
        dim: (0xa8_ad_b7, Color::Gray),
        head: (0x8c_c8_ff, Color::Cyan),
        key: (0x8c_c8_ff, Color::Cyan),
        good: (0x8f_d6_8f, Color::Green),
        soon: (0xf0_c6_74, Color::Yellow),
        now: (0xff_a0_8c, Color::LightRed),
        cursor: (0x2b_3f_55, Color::Blue),
        least: 4.5,
    },
    Inks {
        name: "light",
        grounds: [0xee_ee_ee, 0xff_ff_ff],
        dim: (0x5a_5f_68, Color::DarkGray),
        head: (0x0b_4f_8a, Color::Blue),
        key: (0x0b_4f_8a, Color::Blue),
        good: (0x1f_66_2a, Color::Green),
        soon: (0x7a_4d_00, Color::Magenta),
        now: (0xa8_1d_1d, Color::Red),
        cursor: (0xd6_e6_f5, Color::Gray),
        least: 4.5,
    },
    Inks {
        name: "high-contrast",
        grounds: [0x00_00_00, 0x00_00_00],
        dim: (0xd8_d8_d8, Color::White),
        head: (0xff_ff_ff, Color::White),
        key: (0xff_ff_00, Color::LightYellow),
        good: (0x66_ff_66, Color::LightGreen),
        soon: (0xff_ff_00, Color::LightYellow),
        now: (0xff_b0_a0, Color::LightRed),
        cursor: (0x00_00_80, Color::Blue),
        least: 7.0,
    },
    // Blue and orange stay apart for every common kind of colour blindness.
    Inks {
        name: "colour-blind",
        grounds: [0x00_00_00, 0x28_2c_34],
        dim: (0xa8_ad_b7, Color::Gray),
        head: (0x8c_c8_ff, Color::LightBlue),
        key: (0x8c_c8_ff, Color::LightBlue),
        good: (0x7f_c0_f5, Color::LightBlue),
        soon: (0xf0_d0_60, Color::Yellow),
        now: (0xff_a8_30, Color::LightYellow),
        cursor: (0x2b_3f_55, Color::Blue),
        least: 4.5,
    },
];

/// The names that the config file may say.
pub const NAMES: [&str; 5] = ["dark", "light", "mono", "high-contrast", "colour-blind"];

/// How everything looks to somebody.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    inks: Option<&'static Inks>,
    colours: Colours,
    /// Nothing but ASCII reaches the screen.
    pub ascii: bool,
}

impl Look {
    /// The look of this name; `None` when there is none of it.
    pub fn named(name: Option<&str>, light: bool, colours: Colours, ascii: bool) -> Option<Self> {
        let name = name.unwrap_or(if light { "light" } else { "dark" });
        let name = if name == "color-blind" { "colour-blind" } else { name };
        let inks = THEMES.iter().find(|inks| inks.name == name);
        let known = inks.is_some() || name == "mono";
        let inks = inks.filter(|_| colours != Colours::None);
        known.then_some(Self { inks, colours, ascii })
    }

    /// Without any colour.
    pub const fn plain() -> Self {
        Self { inks: None, colours: Colours::None, ascii: false }
    }

    fn colour(self, ink: Ink) -> Color {
        match self.colours {
            Colours::True => rgb(ink.0),
            Colours::Sixteen | Colours::None => ink.1,
        }
    }

    /// What a tone looks like.
    pub fn style(self, tone: Tone) -> Style {
        let bold = Modifier::BOLD;
        let plain = Style::new();
        let weight = match tone {
            Tone::Plain | Tone::Good | Tone::Soon | Tone::Field => plain,
            Tone::Dim => plain.add_modifier(if self.inks.is_some() { Modifier::empty() } else { Modifier::DIM }),
            // Without colours the cursor is its mark and its weight: reversed is kept for what is overdue.
            Tone::Strong | Tone::Head | Tone::Key | Tone::Now | Tone::Cursor => plain.add_modifier(bold),
            Tone::Overdue => plain.add_modifier(bold | Modifier::REVERSED),
            Tone::Flash => plain.add_modifier(Modifier::REVERSED),
        };
        let Some(inks) = self.inks else { return weight };
        match tone {
            Tone::Plain | Tone::Strong | Tone::Flash => weight,
            Tone::Dim => weight.fg(self.colour(inks.dim)),
            Tone::Head => weight.fg(self.colour(inks.head)),
            Tone::Key => weight.fg(self.colour(inks.key)),
            Tone::Good => weight.fg(self.colour(inks.good)),
            Tone::Soon => weight.fg(self.colour(inks.soon)),
            Tone::Now | Tone::Overdue => weight.fg(self.colour(inks.now)),
            Tone::Cursor => weight.bg(self.colour(inks.cursor)),
            Tone::Field => weight.add_modifier(Modifier::UNDERLINED),
        }
    }
}

const fn rgb(ink: u32) -> Color {
    let [_, r, g, b] = ink.to_be_bytes();
    Color::Rgb(r, g, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(ink: u32) -> f64 {
        let [_, r, g, b] = ink.to_be_bytes();
        let part = |v: u8| {
            let v = f64::from(v) / 255.0;
            if v <= 0.039_28 { v / 12.92 } else { ((v + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b)
    }

    fn contrast(one: u32, other: u32) -> f64 {
        let (a, b) = (luminance(one), luminance(other));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn every_ink_can_be_read_on_every_ground() {
        assert!((contrast(0, 0xff_ff_ff) - 21.0).abs() < 0.01);
        for theme in &THEMES {
            let ink = if theme.name == "light" { 0 } else { 0xff_ff_ff };
            for (what, (colour, _)) in [
                ("dim", theme.dim),
                ("head", theme.head),
                ("key", theme.key),
                ("good", theme.good),
                ("soon", theme.soon),
                ("now", theme.now),
                ("plain", (ink, Color::Reset)),
            ] {
                for ground in theme.grounds.into_iter().chain([theme.cursor.0]) {
                    let ratio = contrast(colour, ground);
                    assert!(ratio >= theme.least, "{} {what} on {ground:06x}: {ratio:.2}", theme.name);
                }
            }
        }
    }

    #[test]
    fn urgency_differs_by_weight_where_there_is_no_colour() {
        for name in NAMES {
            let look = Look::named(Some(name), false, Colours::None, false).unwrap();
            let weights = [Tone::Plain, Tone::Now, Tone::Overdue].map(|tone| look.style(tone).add_modifier);
            assert!(weights[0] != weights[1] && weights[1] != weights[2], "{name}");
            assert!(TONES.iter().all(|tone| look.style(*tone).fg.is_none() && look.style(*tone).bg.is_none()));
        }
        assert!(Look::named(Some("plaid"), false, Colours::True, false).is_none());
    }
}
