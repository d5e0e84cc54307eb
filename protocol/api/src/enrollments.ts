/** Enrolments: who may register. */

import Type from 'typebox'
import { operation } from './operation.ts'
import { closed, instant, page, paging, shape } from './shape.ts'

export const EnrollmentCreate = shape('EnrollmentCreate', {
  id: Type.String(),
  attestation: Type.Union([Type.Literal('symmetric-key'), Type.Literal('x509'), Type.Literal('tpm')]),
  /** PEM; the leaf of an individual enrolment, the signing authority of a group. */
  certificate: Type.Optional(Type.String()),
  primaryKey: Type.Optional(Type.String()),
  secondaryKey: Type.Optional(Type.String()),
  /** Of a TPM (individual): base64 of TPM2B_PUBLIC, as the next. */
  endorsementKey: Type.Optional(Type.String()),
  storageRootKey: Type.Optional(Type.String()),
  /** PEM of the endorsement key's certificate, and of those between it and its manufacturer's root. */
  endorsementCertificate: Type.Optional(Type.String()),
  /** Absent: as the hub is configured. */
  requireEndorsementCertificate: Type.Optional(Type.Boolean()),
  deviceId: Type.Optional(Type.String()),
  disabled: Type.Optional(Type.Boolean()),
  /** By which devices get certificates with their registrations; absent: they get none. */
  certificateProfile: Type.Optional(Type.String()),
})
export type EnrollmentCreate = Type.Static<typeof EnrollmentCreate>

export const Enrollment = shape('Enrollment', {
  id: Type.String(),
  scope: Type.Enum(['individual', 'group']),
  attestation: Type.Enum(['symmetric-key', 'x509', 'tpm']),
  status: Type.Enum(['enabled', 'disabled']),
  etag: Type.String(),
  deviceId: Type.Optional(Type.String()),
  certificateProfile: Type.Optional(Type.String()),
  createdTime: instant,
})
export type Enrollment = Type.Static<typeof Enrollment>

export const DerivedKey = shape('DerivedKey', { key: Type.String() })
export type DerivedKey = Type.Static<typeof DerivedKey>

export const enrollmentOperations = {
  list: operation({
    id: 'enrollment.list',
    method: 'GET',
    path: '/api/v1/enrollments',
    summary: 'Lists enrolments, by id',
    action: 'enrollment:read',
    on: 'hub',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('Enrollment', Enrollment) },
  }),
  create: operation({
    id: 'enrollment.create',
    method: 'POST',
    path: '/api/v1/enrollments',
    summary: 'Creates an enrolment',
    action: 'enrollment:write',
    on: 'hub',
    body: EnrollmentCreate,
    isVersioned: true,
    answer: { kind: 'json', status: 201, schema: Enrollment },
  }),
  show: operation({
    id: 'enrollment.show',
    method: 'GET',
    path: '/api/v1/enrollments/{enrollment}',
    summary: 'Shows an enrolment',
    action: 'enrollment:read',
    on: 'hub',
    isVersioned: true,
    answer: { kind: 'json', schema: Enrollment },
  }),
  delete: operation({
    id: 'enrollment.delete',
    method: 'DELETE',
    path: '/api/v1/enrollments/{enrollment}',
    summary: 'Deletes an enrolment',
    action: 'enrollment:write',
    on: 'hub',
    isVersioned: true,
    answer: { kind: 'none' },
  }),
}

export const enrollmentGroupOperations = {
  list: operation({
    id: 'enrollmentGroup.list',
    method: 'GET',
    path: '/api/v1/enrollment-groups',
    summary: 'Lists enrolment groups, by id',
    action: 'enrollment:read',
    on: 'hub',
    query: closed({ ...paging }),
    answer: { kind: 'json', schema: page('Enrollment', Enrollment) },
  }),
  create: operation({
    id: 'enrollmentGroup.create',
    method: 'POST',
    path: '/api/v1/enrollment-groups',
    summary: 'Creates an enrolment group',
    action: 'enrollment:write',
    on: 'hub',
    body: EnrollmentCreate,
    isVersioned: true,
    answer: { kind: 'json', status: 201, schema: Enrollment },
  }),
  show: operation({
    id: 'enrollmentGroup.show',
    method: 'GET',
    path: '/api/v1/enrollment-groups/{enrollment}',
    summary: 'Shows an enrolment group',
    action: 'enrollment:read',
    on: 'hub',
    isVersioned: true,
    answer: { kind: 'json', schema: Enrollment },
  }),
  delete: operation({
    id: 'enrollmentGroup.delete',
    method: 'DELETE',
    path: '/api/v1/enrollment-groups/{enrollment}',
    summary: 'Deletes an enrolment group',
    action: 'enrollment:write',
    on: 'hub',
    isVersioned: true,
    answer: { kind: 'none' },
  }),
  derivedKey: operation({
    id: 'enrollmentGroup.derivedKey',
    method: 'GET',
    path: '/api/v1/enrollment-groups/{enrollment}/derived-key/{registration}',
    summary: 'Discloses the key that a device of the group derives from its',
    action: 'enrollment:secret',
    on: 'hub',
    disclosesSecret: true,
    answer: { kind: 'json', schema: DerivedKey },
  }),
}
