//! Notes, from the command line: `notes [--file PATH] [list | add TEXT… | done NUMBER]`. Reads arguments and prints; knows
//! no SQL.

mod notebook;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use etcetera::{BaseStrategy, choose_base_strategy};

use crate::notebook::Notebook;

const USAGE: &str = "usage: notes [--file PATH] [list | add TEXT… | done NUMBER]";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // In the library's long form, which says what to do next.
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (path, command) = match &words[..] {
        ["--file", path, command @ ..] => (PathBuf::from(path), command),
        command => (usual_file()?, command),
    };
    match command {
        [] | ["list"] => {
            for note in Notebook::open(&path)?.notes()? {
                let mark = if note.is_done { 'x' } else { ' ' };
                println!("{:>3} [{mark}] {}", note.number, note.text);
            }
        }
        ["add", first, rest @ ..] => {
            let text = rest.iter().fold((*first).to_owned(), |text, word| text + " " + word);
            println!("note {}", Notebook::open(&path)?.add(&text)?);
        }
        ["done", number] => {
            let number = number.parse().map_err(|_| USAGE)?;
            if !Notebook::open(&path)?.done(number)? {
                return Err(format!("there is no note {number}").into());
            }
        }
        _ => return Err(USAGE.into()),
    }
    Ok(())
}

/// Where the user's data lies: `~/.local/share/whimbrel-notes/notes.db` on Linux.
fn usual_file() -> Result<PathBuf, Box<dyn Error>> {
    Ok(choose_base_strategy()?.data_dir().join("whimbrel-notes").join("notes.db"))
}
