//! Texts of strangers on a terminal.

/// The text with nothing in it that a terminal would obey, and on one line: controls are shown as pictures of them, what turns the
/// direction of text around and breaks lines as signs.
///
/// What is left may still look odd, but it stays where it is. Marks and joiners, which other scripts and emoji need, stay.
pub(super) fn harmless(text: &str) -> String {
    text.chars().map(shown).collect()
}

fn shown(character: char) -> char {
    match character {
        '\n' | '\u{2028}' | '\u{2029}' => '⏎',
        '\t' => ' ',
        // The block of control pictures has them in the same order.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(character)).unwrap_or(char::REPLACEMENT_CHARACTER),
        '\u{7f}' => '␡',
        '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown_instead() {
        assert_eq!(harmless("\u{1b}[2J\u{1b}]0;title\u{7}\r\u{8}"), "␛[2J␛]0;title␇␍␈");
        assert_eq!(harmless("\u{9b}31m\u{9d}x\u{7f}"), "\u{fffd}31m\u{fffd}x␡");
        assert_eq!(harmless("evil\u{202e}gpj.exe\u{2066}"), "evil\u{fffd}gpj.exe\u{fffd}");
        assert_eq!(harmless("one\ntwo\u{2028}three\tfour"), "one⏎two⏎three four");
    }

    #[test]
    fn words_of_every_script_stay() {
        for text in ["שלום \u{200f}عالم", "👩\u{200d}💻 ❤\u{fe0f}", "日本語 e\u{301}"] {
            assert_eq!(harmless(text), text);
        }
    }

    #[test]
    fn no_control_character_is_left() {
        let every: String = ('\0'..='\u{2100}').collect();
        assert!(!harmless(&every).chars().any(char::is_control));
    }
}
