//! What commands print: tables and sentences for people, JSON for programs.

use serde::Serialize;
use std::io::{self, Write};

/// Prints one JSON value on a line of its own.
///
/// # Errors
/// When standard output is closed.
pub fn json(value: &impl Serialize) -> io::Result<()> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}

/// Prints text and a line end.
///
/// # Errors
/// When standard output is closed.
pub fn line(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{text}")?;
    out.flush()
}

/// An error with its causes, each said once: some errors tell their cause themselves.
pub fn chain(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if told.is_empty() {
            told = cause;
        } else if !told.ends_with(&cause) {
            told.push_str(": ");
            told.push_str(&cause);
        }
    }
    told
}

/// Rows under a head, in columns as wide as their widest cell.
pub fn table<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let mut all = vec![head.map(str::to_owned)];
    all.extend(rows.iter().cloned());
    columns(&all)
}

/// Rows in columns as wide as their widest cell.
pub fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (column, cell) in row.iter().enumerate() {
            widths[column] = widths[column].max(width(cell));
        }
    }
    rows.iter().map(|row| spread(row, &widths)).collect::<Vec<_>>().join("\n")
}

/// A row in columns of these widths. A cell that is wider moves those behind it.
pub fn spread<const N: usize>(row: &[String; N], widths: &[usize; N]) -> String {
    let mut line = String::new();
    for (cell, wanted) in row.iter().zip(widths) {
        line.push_str(cell);
        line.extend(std::iter::repeat_n(' ', wanted.saturating_sub(width(cell)) + 2));
    }
    line.truncate(line.trim_end().len());
    line
}

/// One line that a terminal can show: control characters are made visible, a long text is cut.
pub fn shown(text: &str, characters_max: usize) -> String {
    let mut shown = String::new();
    for (place, character) in text.chars().enumerate() {
        if place == characters_max {
            shown.push('…');
            break;
        }
        let is_plain = !character.is_control() && !is_direction_mark(character);
        if is_plain { shown.push(character) } else { shown.extend(character.escape_default()) }
    }
    shown
}

/// Marks that turn the direction of what follows, with which a name could disguise a table.
const fn is_direction_mark(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Columns that a text takes on a terminal: two for East Asian letters and emoji.
fn width(text: &str) -> usize {
    let wide = |character| {
        matches!(character, '\u{1100}'..='\u{115f}' | '\u{2e80}'..='\u{a4cf}' | '\u{ac00}'..='\u{d7a3}'
            | '\u{f900}'..='\u{faff}' | '\u{fe30}'..='\u{fe6f}' | '\u{ff00}'..='\u{ff60}' | '\u{ffe0}'..='\u{ffe6}'
            | '\u{1f300}'..='\u{1faff}' | '\u{20000}'..='\u{3fffd}')
    };
    text.chars().map(|character| if wide(character) { 2 } else { 1 }).sum()
}

/// A time as people read it: UTC, to the second.
pub fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map_or_else(|_| format!("{ms} ms"), |time| time.strftime("%Y-%m-%d %H:%M:%SZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_straight_with_japanese_cells_too() {
        let rows = [["田中".to_owned(), "x".to_owned()], ["Ann".to_owned(), "y".to_owned()]];
        assert_eq!(table(["name", "v"], &rows), "name  v\n田中  x\nAnn   y");
    }

    #[test]
    fn a_cell_is_one_line_without_control_characters() {
        assert_eq!(shown("a\nb\u{1b}[31m\u{202e}c", 40), "a\\nb\\u{1b}[31m\\u{202e}c");
        assert_eq!(shown("ありがとう", 3), "ありが…");
    }

    #[test]
    fn times_are_utc() {
        assert_eq!(time(0), "1970-01-01 00:00:00Z");
        assert_eq!(time(i64::MAX), format!("{} ms", i64::MAX));
    }
}
