//! The caller's code may panic: it is caught here, and its message kept.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs code of the caller's; a panic becomes its message.
pub(crate) fn caught<R>(work: impl FnOnce() -> R) -> Result<R, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|payload| {
        let message = message_of(&*payload);
        let_go(payload);
        message
    })
}

/// Drops what holds values of the caller's, whose `Drop` may panic.
pub(crate) fn let_go<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        // A payload that panics in turn could go on so for ever.
        std::mem::forget(payload);
    }
}

fn message_of(payload: &(dyn Any + Send)) -> String {
    let text = payload
        .downcast_ref::<&'static str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "the panic carried no text".to_owned())
}
