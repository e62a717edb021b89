//! QR codes as drawings that stand in the page itself, so that nobody else learns what is in them.

use qrcodegen::{QrCode, QrCodeEcc};
use std::fmt::Write;

/// White modules around a code, as its standard asks for.
const QUIET: i32 = 4;

/// A code as the path of an SVG.
pub struct Drawing {
    /// Its width and height in modules, with the white around it.
    pub side: i32,
    /// Its dark modules.
    pub path: String,
}

/// Draws a text; `None` if it is too long.
pub fn draw(text: &str) -> Option<Drawing> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).ok()?;
    let mut path = String::new();
    for y in 0..code.size() {
        for x in (0..code.size()).filter(|x| code.get_module(*x, y)) {
            write!(path, "M{} {}h1v1h-1z", x + QUIET, y + QUIET).ok()?;
        }
    }
    Some(Drawing { side: code.size() + 2 * QUIET, path })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_has_a_module_for_each_dark_one_and_white_around_it() {
        let (drawing, code) = (draw("KIZUNA").expect("short"), QrCode::encode_text("KIZUNA", QrCodeEcc::Medium));
        let code = code.expect("short");
        let dark = (0..code.size()).flat_map(|y| (0..code.size()).map(move |x| (x, y)));
        let dark = dark.filter(|(x, y)| code.get_module(*x, *y)).count();
        assert_eq!(drawing.path.matches('M').count(), dark);
        assert_eq!((drawing.side, drawing.path.starts_with("M4 4h1v1h-1z")), (29, true));
        assert!(draw(&"a".repeat(3_000)).is_none());
    }
}
