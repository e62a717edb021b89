//! Ways to write the same name: in capitals or not, in full or half width, in katakana or hiragana.

/// By how much a full-width letter is ahead of the plain one.
const WIDE: u32 = 0xfee0;

/// By how much katakana are ahead of hiragana.
const KATAKANA: u32 = 0x60;

/// Katakana in half width, in the order of their code points from U+FF66 on, as hiragana.
const HALF_WIDTH: &str =
    "をぁぃぅぇぉゃゅょっーあいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわん";

/// The text with these differences taken out, and white space as single spaces.
pub fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !plain.is_empty() {
            plain.push(' ');
        }
        for character in word.chars().map(unified).flat_map(char::to_lowercase) {
            let voiced = plain.chars().next_back().and_then(|before| voiced(before, character));
            if voiced.is_some() {
                plain.pop();
            }
            plain.push(voiced.unwrap_or(character));
        }
    }
    plain
}

/// A kana with the voicing mark behind it, which half width and some systems write as a character of its own.
fn voiced(kana: char, mark: char) -> Option<char> {
    let ahead = match mark {
        '\u{ff9e}' | '\u{3099}' if kana == 'う' => 0x4e,
        '\u{ff9e}' | '\u{3099}' if "かきくけこさしすせそたちつてとはひふへほ".contains(kana) => 1,
        '\u{ff9f}' | '\u{309a}' if "はひふへほ".contains(kana) => 2,
        _ => return None,
    };
    char::from_u32(u32::from(kana) + ahead)
}

fn unified(character: char) -> char {
    if let '\u{ff66}'..='\u{ff9d}' = character {
        let place = u32::from(character) - 0xff66;
        return HALF_WIDTH.chars().nth(place as usize).unwrap_or(character);
    }
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
    fn a_name_is_the_same_in_capitals_full_or_half_width_and_katakana() {
        for (one, other) in [
            ("Taro", "ｔＡＲＯ"),
            ("さくら", "サクラ"),
            (" 田中\u{3000} 花子", "田中 花子"),
            ("É", "é"),
            ("さくら", "ｻｸﾗ"),
            ("ガギグゲゴザパピプペポヴ", "ｶﾞｷﾞｸﾞｹﾞｺﾞｻﾞﾊﾟﾋﾟﾌﾟﾍﾟﾎﾟｳﾞ"),
            ("ヲァッーアンワ", "ｦｧｯｰｱﾝﾜ"),
            ("が", "か\u{3099}"),
            ("ﾟ", "ﾟ"),
        ] {
            assert_eq!(plain(one), plain(other));
        }
        assert_ne!(plain("ｶ"), plain("ｶﾞ"));
        assert_ne!(plain("田中"), plain("中田"));
        assert_eq!(plain(" \u{3000}"), "");
    }
}
