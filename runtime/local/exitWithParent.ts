/**
 * Loaded into a part of the local platform before its own program (`node --import`): ends the process when the platform
 * that started it is gone, so that a kill -9 leaves nothing behind. Not used in the cloud.
 */
process.on("disconnect", () => process.exit(1));
// Listening must not keep a process alive that has nothing else to do.
process.channel?.unref();
