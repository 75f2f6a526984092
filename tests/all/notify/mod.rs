//! Notifications: real programs, a real server, real channels.

mod follow;
