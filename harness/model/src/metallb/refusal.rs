//! A refusal in words, at its place in the user's file.

use super::legacy;
use super::objects::ObjectId;
use super::reject::Reject;
use crate::diag::Diagnostic;
use crate::yaml::Document;

pub(super) fn refusal(origin: &Document, reject: &Reject) -> Diagnostic {
    let error = match legacy::is_config(&reject.id) {
        true => legacy::located(origin, reject, refusal_text(reject)),
        false => origin.error_near(&reject.path, refusal_text(reject)),
    };
    with_hint(error, reject)
}

/// Who reads the object.
fn reader(id: &ObjectId) -> Option<&'static str> {
    id.kind.reader().or(legacy::is_config(id).then_some("MetalLB"))
}

pub(super) fn refusal_text(reject: &Reject) -> String {
    let Reject { id, reason, transient, .. } = reject;
    let object = format!("{} `{}`", id.kind.name(), id.name);
    match (reader(id), transient) {
        (reader, true) => {
            let reader = reader.unwrap_or("MetalLB");
            format!("{reader} keeps its old configuration until {object} is complete: {reason}")
        }
        (Some(reader), false) => format!("{reader} refuses {object}: {reason}"),
        (None, false) => format!("{object} has no effect: {reason}"),
    }
}

pub(super) fn refusal_by(origin: &Document, applied: &ObjectId, reject: &Reject) -> Diagnostic {
    let Reject { id, reason, .. } = reject;
    let message = format!(
        "{} refuses {} `{}` because of {} `{}`: {reason}",
        reader(applied).unwrap_or("MetalLB"),
        applied.kind.name(),
        applied.name,
        id.kind.name(),
        id.name
    );
    with_hint(origin.error_at(&[], message), reject)
}

fn with_hint(error: Diagnostic, reject: &Reject) -> Diagnostic {
    match &reject.hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
