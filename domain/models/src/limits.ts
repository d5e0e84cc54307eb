/** Every bound of this package, with its unit and its reason. */

/** Models of one hub; all are held in memory, some kilobytes each. */
export const MODELS_MAX = 1_000

/** Characters of a model's and of a manufacturer's name, and of a hardware revision. */
export const MODEL_ID_CHARACTERS_MAX = 128
export const REVISION_CHARACTERS_MAX = 64

/** Characters of what is told of a model in words. */
export const DESCRIPTION_CHARACTERS_MAX = 1_024

/** Hardware revisions of one model, and model ids that its devices may announce. */
export const REVISIONS_MAX = 64
export const ANNOUNCED_MAX = 32

/** Characters of a model id that a device announces (azure-iot.md §3, `model-id`). */
export const ANNOUNCED_CHARACTERS_MAX = 256

/** Bytes of randomness in an ETag. */
export const ETAG_BYTES = 8

/** How often a change is tried again when others write the same model. */
export const CHANGE_ATTEMPTS_MAX = 5
