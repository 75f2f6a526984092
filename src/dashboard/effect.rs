//! Everything that the dashboard may cause. The loop carries it out; nothing here does.

use super::msg::ActId;

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Read this request again, with what this viewer may do: answered by `Msg::Request`.
    Read(i64),
    /// Read the events of this request: answered by `Msg::Events`.
    ReadEvents(i64),
    /// Read the systems: answered by `Msg::Systems`.
    ReadSystems,
    /// Send a command: `POST /v1/requests/{id}/{verb}` under one idempotency key, answered by `Msg::Acted`. Offline it is
    /// never kept to be sent later.
    Act {
        /// Its number, for the answer.
        act: ActId,
        /// The request that was on the screen.
        id: i64,
        /// The verb, as in the path.
        verb: &'static str,
        /// The body.
        body: serde_json::Value,
    },
    /// Release the claim of an earlier act: sent, its answer is of no interest.
    Release(i64),
    /// Ask for the whole board again, at once.
    Resync,
    /// Put this on the clipboard.
    Copy(String),
    /// Open this address in a browser.
    Open(String),
    /// Ring the terminal's bell once.
    Bell,
    /// Wheel and clicks are told, or left to the terminal.
    Mouse(bool),
    /// Stop, as Ctrl-Z does.
    Suspend,
    /// Leave.
    Quit,
}
