//! Bars as a picture that a browser shows: SVG, written by hand, without a library.

use std::fmt::Write;

const WIDTH: f64 = 720.0;
const LABELS: f64 = 150.0;
const FIGURES: f64 = 70.0;
const LINE: f64 = 22.0;

/// Bars of one measure, under a title.
pub struct Bars<'a> {
    /// What they show.
    pub title: &'a str,
    /// What each is of, and how long it is.
    pub bars: Vec<(String, f64)>,
}

/// Groups of bars, below each other, each with a scale of its own.
pub fn svg(groups: &[Bars<'_>]) -> String {
    let mut body = String::new();
    let mut y = 0.0;
    for Bars { title, bars } in groups {
        y += LINE * 1.5;
        text(&mut body, 0.0, y, "start", &format!(r#"<tspan font-weight="bold">{}</tspan>"#, escaped(title)));
        let longest = bars.iter().map(|(_, length)| *length).fold(f64::MIN_POSITIVE, f64::max);
        for (label, length) in bars {
            y += LINE;
            let wide = length / longest * (WIDTH - LABELS - FIGURES);
            text(&mut body, LABELS - 8.0, y, "end", &escaped(label));
            let top = y - LINE * 0.7;
            let _ =
                writeln!(body, r##"<rect x="{LABELS}" y="{top:.1}" width="{wide:.1}" height="15" fill="#3b76af"/>"##);
            text(&mut body, LABELS + wide + 6.0, y, "start", &format!("{length:.2}"));
        }
    }
    let height = y + LINE;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    )
}

fn text(body: &mut String, x: f64, y: f64, anchor: &str, content: &str) {
    let _ = writeln!(body, r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{content}</text>"#);
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_bar_of_each_group_fills_the_width() {
        let bars = |title| Bars { title, bars: vec![("a < b".to_owned(), 1.0), ("c".to_owned(), 4.0)] };
        let picture = svg(&[bars("one"), bars("two")]);
        assert_eq!(picture.matches(r#"width="500.0""#).count(), 2);
        assert_eq!(picture.matches(r#"width="125.0""#).count(), 2);
        assert!(picture.contains("a &lt; b"));
    }
}
