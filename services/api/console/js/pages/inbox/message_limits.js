// Limits of a text that is sent.

export const MAX_CHARACTERS = 4096;
