//! The systemd unit, as far as both programs must call it the same.

/// The unit's name; Microsoft's extension uses the same.
pub const NAME: &str = "akvvm_service.service";

/// The drop-in that confines the worker to what it serves, below a folder of units. The worker's
/// program writes it before the worker starts; the handler removes it with the unit.
pub const SANDBOX: &str = "akvvm_service.service.d/akvvm-sandbox.conf";

/// What that drop-in begins with; a file there that does not is somebody else's.
pub const SANDBOX_MARKER: &str = "# Written by akvvm_service before each start.";
