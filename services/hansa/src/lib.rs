//! Roles, wiring, configuration, telemetry and commands of the hansa binary.
