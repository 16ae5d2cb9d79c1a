//! Text of the catalog as Markdown that says exactly that text.

/// Prose: nothing in it becomes a link, a tag or emphasis, and what stands in backticks stays.
pub(super) fn prose(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (index, part) in text.split('`').enumerate() {
        if index > 0 {
            escaped.push('`');
        }
        let code = index % 2 == 1;
        for letter in part.chars() {
            if !code && matches!(letter, '[' | ']' | '<' | '>' | '*' | '_' | '\\' | '#') {
                escaped.push('\\');
            }
            escaped.push(if letter == '\n' { ' ' } else { letter });
        }
    }
    // A lone backtick would swallow the rest of the paragraph.
    if text.matches('`').count() % 2 == 1 { escaped.replace('`', "\\`") } else { escaped }
}

/// The same inside a table, where a bar ends the cell even in code.
pub(super) fn cell(markdown: &str) -> String {
    markdown.replace('|', "\\|").replace('\n', " ")
}

/// A row of a table.
pub(super) fn row(cells: &[String]) -> String {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// The two lines above the rows.
pub(super) fn head(titles: &[&str]) -> String {
    format!("| {} |\n|{}\n", titles.join(" | "), " --- |".repeat(titles.len()))
}

/// Inline code.
pub(super) fn code(text: &str) -> String {
    format!("`{text}`")
}

/// The anchor that GitHub gives to a heading of letters, digits, spaces and underscores.
pub(super) fn anchor(heading: &str) -> String {
    heading.to_lowercase().replace(' ', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_what_it_is() {
        assert_eq!(prose("a*b [c](d) <e> f_g"), "a\\*b \\[c\\](d) \\<e\\> f\\_g");
        assert_eq!(prose("`a_b` and c_d"), "`a_b` and c\\_d");
        assert_eq!(prose("a ` b"), "a \\` b");
        assert_eq!(row(&[code("a|b"), "c".into()]), "| `a\\|b` | c |\n");
    }
}
