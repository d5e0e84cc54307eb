/** Why an upload, or a request to it, is refused. Codes are API, messages are not. */
export type UploadErrorCode =
  /** A blob's name, a block's id, a block list or a notification of a wrong form. */
  | 'bad-name'
  | 'bad-block-id'
  | 'bad-block-list'
  | 'bad-notification'
  /** The list names a block that was not uploaded. */
  | 'unknown-block'
  | 'too-many-blocks'
  /** As many uploads of the device, or of the hub, are open as may be. */
  | 'too-many-uploads'
  | 'too-many-writes'
  /** The signature is forged, for another blob, expired, or of an upload that is over. */
  | 'not-authorized'
  /** There is no such upload (of this device). */
  | 'unknown-upload'
  /** Success was notified of a blob that is not there. */
  | 'nothing-uploaded'
  | 'blob-too-large'
  /** No room for it: of the device, of the hub, on the disk. */
  | 'no-room'
  /** The body is not as long as it said, or its checksum is another. */
  | 'incomplete'
  | 'wrong-checksum'
  /** The blob is complete, and takes nothing more. */
  | 'already-uploaded'

/** Thrown for what a device asked for and cannot have. Messages hold nothing of its text. */
export class UploadError extends Error {
  override readonly name = 'UploadError'
  readonly code: UploadErrorCode

  constructor(code: UploadErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}
