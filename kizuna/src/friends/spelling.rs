//! Ways to write the same name: in capitals or not, in full or half width, in katakana or hiragana.

/// By how much a full-width letter is ahead of the plain one.
const WIDE: u32 = 0xfee0;

/// By how much katakana are ahead of hiragana.
const KATAKANA: u32 = 0x60;

/// The text with these differences taken out, and white space as single spaces.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !plain.is_empty() {
            plain.push(' ');
        }
        plain.extend(word.chars().map(unified).flat_map(char::to_lowercase));
    }
    plain
}

fn unified(character: char) -> char {
    let ahead = match character {
        '\u{ff01}'..='\u{ff5e}' => WIDE,
        '\u{30a1}'..='\u{30f6}' => KATAKANA,
        _ => 0,
    };
    char::from_u32(u32::from(character) - ahead).unwrap_or(character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_the_same_in_capitals_full_width_and_katakana() {
        for (one, other) in
            [("Taro", "ｔＡＲＯ"), ("さくら", "サクラ"), (" 田中\u{3000} 花子", "田中 花子"), ("É", "é")]
        {
            assert_eq!(plain(one), plain(other));
        }
        assert_ne!(plain("田中"), plain("中田"));
        assert_eq!(plain(" \u{3000}"), "");
    }
}
