//! What a report says of made-up outcomes.
