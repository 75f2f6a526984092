//! Time in digits that are read from across a room.

/// How tall they are, in lines.
pub const TALL: usize = 5;

const GLYPHS: [(char, [&str; TALL]); 14] = [
    ('0', ["#####", "#   #", "#   #", "#   #", "#####"]),
    ('1', ["  #  ", " ##  ", "  #  ", "  #  ", " ### "]),
    ('2', ["#####", "    #", "#####", "#    ", "#####"]),
    ('3', ["#####", "    #", " ####", "    #", "#####"]),
    ('4', ["#   #", "#   #", "#####", "    #", "    #"]),
    ('5', ["#####", "#    ", "#####", "    #", "#####"]),
    ('6', ["#####", "#    ", "#####", "#   #", "#####"]),
    ('7', ["#####", "    #", "   # ", "  #  ", "  #  "]),
    ('8', ["#####", "#   #", "#####", "#   #", "#####"]),
    ('9', ["#####", "#   #", "#####", "    #", "#####"]),
    ('h', ["#    ", "#    ", "#### ", "#   #", "#   #"]),
    ('m', ["     ", "     ", "## ##", "# # #", "# # #"]),
    (':', ["   ", " # ", "   ", " # ", "   "]),
    (' ', ["  ", "  ", "  ", "  ", "  "]),
];

/// A text such as `1h 12m` or `4:21`, in lines of blocks; what has no such digits is left out.
pub fn large(text: &str) -> [String; TALL] {
    let mut lines: [String; TALL] = Default::default();
    let glyphs = text.chars().filter_map(|ch| GLYPHS.iter().find(|(known, _)| *known == ch));
    for (index, (_, rows)) in glyphs.enumerate() {
        for (line, row) in lines.iter_mut().zip(rows) {
            if index > 0 {
                line.push(' ');
            }
            line.push_str(&row.replace('#', "█"));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dashboard::eye::left;
    use crate::text::Length;

    #[test]
    fn whatever_can_be_left_has_its_digits() {
        for seconds in (0..20_000).step_by(37) {
            let text = left(Length::from_seconds(seconds)).0;
            let lines = large(&text);
            let wide = lines[0].chars().count();
            assert!(wide >= text.len() && lines.iter().all(|line| line.chars().count() == wide), "{text}");
            assert!(text.chars().all(|ch| GLYPHS.iter().any(|(known, _)| *known == ch)), "{text}");
        }
    }
}
