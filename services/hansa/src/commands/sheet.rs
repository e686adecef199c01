//! What a view shows, as people read it in a terminal.

use serde_json::Value;

/// The title, the table, and the sections below it.
pub fn of(view: &Value) -> String {
    let mut all = format!("{}\n\n", text(&view["title"]));
    let mut heads: Vec<String> = each(&view["columns"]).map(text).collect();
    let mut rows: Vec<Vec<String>> = each(&view["rows"]).map(cells).collect();
    let named = each(&view["rows"]).any(|row| row["documentId"] != "");
    if named {
        heads.push("ID".to_owned());
        for (row, shown) in rows.iter_mut().zip(each(&view["rows"])) {
            row.push(text(&shown["documentId"]));
        }
    }
    all.push_str(&table(&heads, &rows));
    for section in each(&view["sections"]) {
        all.push_str(&format!("\n{}\n", text(&section["title"])));
        for field in each(&section["fields"]) {
            let columns: Vec<_> = each(&field["columns"]).map(text).collect();
            all.push_str(&format!("  {}: {}\n", text(&field["title"]), text(&field["text"])));
            if !columns.is_empty() {
                let rows: Vec<_> = each(&field["rows"]).map(cells).collect();
                all.push_str(&table(&columns, &rows));
            }
        }
    }
    if view["nextPage"] != "" {
        all.push_str(&format!("\nmore: --page {}\n", text(&view["nextPage"])));
    }
    all
}

fn each(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn cells(row: &Value) -> Vec<String> {
    each(&row["cells"]).map(text).collect()
}

/// On one line: what others wrote says nothing to a terminal.
fn text(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    text.chars()
        .map(|one| if one.is_control() { ' ' } else { one })
        .collect()
}

fn table(heads: &[String], rows: &[Vec<String>]) -> String {
    let all = || [heads].into_iter().chain(rows.iter().map(Vec::as_slice));
    let wide = |column: usize| {
        all()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let widths: Vec<_> = (0..heads.len()).map(|column| wide(column).unwrap_or(0)).collect();
    let line = |row: &[String]| {
        let padded = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("{}\n", padded.collect::<Vec<_>>().join("  ").trim_end())
    };
    all().map(line).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_view_stands_in_columns_and_says_nothing_to_the_terminal() {
        let view = json!({
            "title": "Waiting", "columns": ["No.", "Region"], "nextPage": "",
            "rows": [
                {"documentId": "d1", "cells": ["PI-1", "Gotland"]}, {"documentId": "d2", "cells": ["PI-22", "a\u{1b}[31mb\n"]},
            ],
            "sections": [{"title": "proposal", "fields": [{"title": "Brand", "text": "X", "columns": [], "rows": []}]}],
        });
        let wanted =
            "Waiting\n\nNo.    Region    ID\nPI-1   Gotland   d1\nPI-22  a [31mb   d2\n\nproposal\n  Brand: X\n";
        assert_eq!(of(&view), wanted);
        let more = of(&json!({"title": "T", "columns": [], "rows": [], "sections": [], "nextPage": "p"}));
        assert!(more.ends_with("more: --page p\n"), "{more}");
    }
}
