export { BlobFolder } from './blob-folder.ts'
