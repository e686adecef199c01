//! What money can be said, and what not.
