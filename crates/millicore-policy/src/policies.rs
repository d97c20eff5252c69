//! The list of policies: one line each, one file each.

use crate::order::Definition;
use crate::policy::Policy;

macro_rules! policies {
    ($($name:ident)*) => {
        $(mod $name;)*

        /// Every policy, in the order in which they are listed to users.
        pub const ALL: &[&Definition] = &[$(&$name::DEFINITION),*];

        impl Policy {
            $(
                #[doc = concat!("The policy `", stringify!($name), "` with its own width.")]
                #[must_use]
                pub const fn $name() -> Self {
                    Self::of(&$name::DEFINITION)
                }
            )*
        }
    };
}

policies! {
    fifo
    fair
    focus
    sjf
    srpt
    las
    edf
    hesrpt
}
