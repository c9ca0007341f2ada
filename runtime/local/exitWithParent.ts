/**
 * Preloaded into the API of a local platform (`node --import`): ends the process when the platform that started it is
 * gone, so that a kill -9 leaves no process behind. Not used in AWS.
 */
process.on("disconnect", () => process.exit(1));
// Listening must not keep an otherwise idle process alive.
process.channel?.unref();
