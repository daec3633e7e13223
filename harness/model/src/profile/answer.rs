//! A router's answers, read by the jq filters of its profile.

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, compile, data, load, unwrap_valr};
use jaq_json::{Val, read};
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::file::{Format, Question};

/// Why an answer, or the filter for it, is of no use.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AnswerError {
    #[error("the jq filter is wrong: {0}")]
    Filter(String),
    #[error("the answer is not JSON: {why}: {start:?}")]
    NotJson { why: String, start: String },
    #[error("the jq filter ends with an error: {0}")]
    Run(String),
    #[error("the jq filter gives what was not asked for: {0}")]
    Shape(String),
}

/// Whether a filter can be read.
///
/// # Errors
/// What is wrong, with the words at fault.
pub fn check(filter: &str) -> Result<(), AnswerError> {
    compiled(filter).map(|_| ())
}

/// What jq has for programs, and a filter of a profile has not.
const BEYOND: [&str; 5] = ["now", "env", "halt", "halt_error", "input_filename"];

type Filter = jaq_core::Filter<data::JustLut<Val>>;

fn compiled(filter: &str) -> Result<Filter, AnswerError> {
    let defs = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    let funs = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    // A filter reads its answer and nothing else: the same in a replay, and it ends nobody's process.
    let funs = funs.filter(|(name, ..)| !BEYOND.contains(name));
    let defs = defs.filter(|def| !BEYOND.contains(&def.name));
    let arena = Arena::default();
    let program = File { code: filter, path: () };
    let modules = Loader::new(defs).load(&arena, program).map_err(|e| wrong(&load_words(e)))?;
    Compiler::default().with_funs(funs).compile(modules).map_err(|e| wrong(&compile_words(e)))
}

fn wrong(words: &[String]) -> AnswerError {
    AnswerError::Filter(words.join("; "))
}

fn load_words(errors: load::Errors<&str, ()>) -> Vec<String> {
    let of_file = |(_, error): (File<&str, ()>, load::Error<&str>)| match error {
        load::Error::Io(errors) => {
            errors.into_iter().map(|(at, e)| format!("`{at}`: {e}")).collect::<Vec<_>>()
        }
        load::Error::Lex(errors) => errors
            .into_iter()
            .map(|(want, at)| format!("expected {}, found {}", want.as_str(), at_hand(at)))
            .collect(),
        load::Error::Parse(errors) => errors
            .into_iter()
            .map(|(want, at)| format!("expected {}, found {}", want.as_str(), at_hand(at)))
            .collect(),
    };
    errors.into_iter().flat_map(of_file).collect()
}

fn compile_words(errors: compile::Errors<&str, ()>) -> Vec<String> {
    let named = |(name, what): (&str, compile::Undefined)| format!("unknown {} `{name}`", what.as_str());
    errors.into_iter().flat_map(|(_, errors)| errors.into_iter().map(named).collect::<Vec<_>>()).collect()
}

fn at_hand(text: &str) -> String {
    if text.is_empty() { "its end".to_string() } else { format!("`{}`", start(text)) }
}

fn start(text: &str) -> String {
    text.chars().take(40).collect()
}

/// The values that a question's filter makes of an answer.
///
/// # Errors
/// The filter is wrong, the answer is no JSON, or the filter ends with an error of its own (`error("...")`).
pub fn read_answer<T: DeserializeOwned>(question: &Question, answer: &str) -> Result<Vec<T>, AnswerError> {
    let filter = compiled(&question.filter)?;
    let input = match question.format {
        Format::Text => Val::from(answer.to_string()),
        Format::Json => read::parse_single(answer.as_bytes())
            .map_err(|e| AnswerError::NotJson { why: e.to_string(), start: start(answer.trim()) })?,
    };
    let ctx = Ctx::<data::JustLut<Val>>::new(&filter.lut, Vars::new([]));
    let outputs = filter.id.run((ctx, input)).map(unwrap_valr);
    outputs
        .map(|output| {
            let value = output.map_err(|e| AnswerError::Run(e.to_string()))?;
            let shape =
                |e: &dyn std::fmt::Display| AnswerError::Shape(format!("{e}: {}", start(&value.to_string())));
            serde_json::from_str(&value.to_string()).map_err(|e| shape(&e))
        })
        .collect()
}
