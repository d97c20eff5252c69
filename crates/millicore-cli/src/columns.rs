//! Text in columns: the first to the left, the others to the right, two spaces between.

use std::io::{self, Write};

/// Writes rows of as many cells each.
pub(crate) fn write_columns(output: &mut impl Write, rows: &[Vec<String>]) -> io::Result<()> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..count)
        .map(|column| {
            rows.iter()
                .filter_map(|row| row.get(column))
                .map(|cell| width(cell))
                .max()
        })
        .map(Option::unwrap_or_default)
        .collect();
    for row in rows {
        let mut line = String::new();
        for (column, (cell, &wide)) in row.iter().zip(&widths).enumerate() {
            let padding = " ".repeat(wide - width(cell));
            match column {
                0 => line.extend([cell, padding.as_str()]),
                _ => line.extend(["  ", padding.as_str(), cell]),
            }
        }
        writeln!(output, "{}", line.trim_end())?;
    }
    Ok(())
}

fn width(cell: &str) -> usize {
    cell.chars().count()
}

#[cfg(test)]
mod tests {
    use super::write_columns;

    #[test]
    fn columns_line_up() {
        let rows = [["policy", "mean"], ["fifo", "1.25s"], ["", "2s"]];
        let rows = rows.map(|row| row.map(str::to_owned).to_vec());
        let mut text = Vec::new();
        write_columns(&mut text, &rows).unwrap();
        let expected = "policy   mean\nfifo    1.25s\n           2s\n";
        assert_eq!(String::from_utf8(text).unwrap(), expected);
    }
}
