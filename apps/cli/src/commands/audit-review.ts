/** `holdfast audit review …`: samples of the log that people read and sign for. */

import type { ReviewApi } from '@holdfast/api'
import { type Command, Option } from 'commander'
import { group, leaf, wholeNumber, type World } from '../command.ts'
import { readTime } from '../time.ts'
import { type FilterFlags, filterFrom, filterOptions } from './audit-sink.ts'

interface WishFlags extends FilterFlags {
  readonly view?: string
  readonly size?: number
  readonly dueDays?: number
  readonly role?: string
  readonly escalatesTo?: string
}

export function addAuditReviews(audit: Command, world: World): void {
  const review = group(
    audit,
    'review',
    'samples of the log that people read and sign for: plans, reviews, findings',
    'holdfast audit review list',
  )
  addReviews(review, world)
  addSigning(review, world)
  addFindings(review, world)
  addPlans(review, world)
}

function addReviews(review: Command, world: World): void {
  leaf<[], { readonly all?: boolean }>(review, world, {
    usage: 'list',
    summary: 'list the reviews that are open',
    example: 'holdfast audit review list',
    options: [new Option('--all', 'those that are over, too')],
    async run({ hub, print }, { all }) {
      const query = all === true ? {} : { isOpen: true }
      await print.table(
        hub.review.list.pages({ query }),
        [
          ['REVIEW', (it) => it.id],
          ['PLAN', (it) => it.plan],
          ['STATE', (it) => (it.told === undefined || it.state !== 'open' ? it.state : it.told)],
          ['DUE', (it) => it.due],
          ['ON', (it) => (it.told === 'escalated' ? it.escalatesTo : it.role)],
          ['LEFT', (it) => it.unsigned.length],
          ['FINDINGS', (it) => it.findings],
        ],
        "no reviews are open; 'holdfast audit review start' opens one",
      )
    },
  })

  leaf<[], WishFlags & { readonly first?: number }>(review, world, {
    usage: 'start',
    summary: 'open a review: a sample is drawn from what is in the log now',
    example: "holdfast audit review start --type 'policy.*' --size 20",
    notes: 'The seed of the draw is in the log before anything is drawn; half of the sample is of what is dangerous.',
    options: [...wishOptions(), new Option('--first <index>', 'leave out older entries').argParser(wholeNumber(0))],
    async run({ hub, print, world: here }, options) {
      const { first } = options
      const body = { ...wishFrom(options, here.now()), ...(first !== undefined && { first }) }
      const opened = await hub.review.start({ body })
      await print.result(opened, [`review ${opened.id} is open until ${opened.due}; its sample is being drawn`])
    },
  })

  leaf<[string], { readonly entries?: boolean }>(review, world, {
    usage: 'show <review>',
    summary: 'show a review, its sample and who signed',
    example: 'holdfast audit review show 20261125-3f9a1c0d2e --entries',
    options: [new Option('--entries', 'the entries of the sample, whole')],
    async run({ hub, print }, { entries }, id) {
      const path = { review: id }
      const shown = await hub.review.show({ path })
      const items = entries === true ? (await hub.review.entries({ path })).items : []
      await print.result(entries === true ? { ...shown, entriesOfSample: items } : shown, [
        ...reviewLines(shown),
        ...items.map(
          ({ index, time, type, subject, actor, detail }) =>
            `${index}  ${time}  ${type}  ${subject ?? '-'}  by ${actor ?? '-'}  ${JSON.stringify(detail ?? {})}`,
        ),
      ])
    },
  })

  leaf<[string], { readonly reason: string }>(review, world, {
    usage: 'abandon <review>',
    summary: 'give a review up; that it was, and why, stays in the log',
    example: 'holdfast audit review abandon 20261125-3f9a1c0d2e --reason "opened twice"',
    options: [new Option('--reason <text>', 'why').makeOptionMandatory()],
    async run({ hub, print }, { reason }, id) {
      const given = await hub.review.abandon({ path: { review: id }, body: { reason } })
      await print.result(given, [`review ${id} is given up`])
    },
  })
}

function addSigning(review: Command, world: World): void {
  leaf<[string], { readonly statement: string }>(review, world, {
    usage: 'sign <review>',
    summary: 'sign that you have read what is left of the sample; your own acts stay for others',
    example: 'holdfast audit review sign 20261125-3f9a1c0d2e --statement "read all, nothing odd"',
    notes: "It takes a person who is signed in and has just proved to be there: 'holdfast session step-up'.",
    options: [new Option('--statement <text>', 'what you say with your name').makeOptionMandatory()],
    async run({ hub, print }, { statement }, id) {
      const { signed, left, review: now } = await hub.review.sign({ path: { review: id }, body: { statement } })
      await print.result({ signed, left, review: now }, [
        `you signed for ${signed} entries; ${left === 0 ? 'the review is complete' : `${left} were done by you and wait for another`}`,
      ])
    },
  })
}

function addFindings(review: Command, world: World): void {
  leaf<[], { readonly all?: boolean }>(review, world, {
    usage: 'findings',
    summary: 'list the findings that are open',
    example: 'holdfast audit review findings',
    options: [new Option('--all', 'those that are closed, too')],
    async run({ hub, print }, { all }) {
      await print.table(
        hub.finding.list.pages({ query: all === true ? {} : { isOpen: true } }),
        [
          ['FINDING', (it) => it.id],
          ['REVIEW', (it) => it.review],
          ['OWNER', (it) => it.owner],
          ['UNTIL', (it) => it.until],
          ['STATE', (it) => (it.closed === undefined ? (it.isOverdue ? 'overdue' : 'open') : 'closed')],
          ['TEXT', (it) => it.text],
        ],
        'nothing was found that is still open',
      )
    },
  })

  leaf<[string], { readonly text: string; readonly owner: string; readonly until: string; readonly entry?: number }>(
    review,
    world,
    {
      usage: 'finding <review>',
      summary: 'write down what a review has found, whose task it is, and until when',
      example:
        'holdfast audit review finding 20261125-3f9a1c0d2e --text "no ticket for this key" --owner ada --until 2026-12-24',
      options: [
        new Option('--text <text>', 'what was found').makeOptionMandatory(),
        new Option('--owner <operator>', 'whose task it is').makeOptionMandatory(),
        new Option('--until <time>', 'when it has to be closed').makeOptionMandatory(),
        new Option('--entry <index>', 'the entry of the sample that shows it').argParser(wholeNumber(0)),
      ],
      async run({ hub, print, world: here }, { text, owner, until, entry }, id) {
        const body = { text, owner, until: readTime(until, here.now()), ...(entry !== undefined && { entry }) }
        const found = await hub.finding.open({ path: { review: id }, body })
        await print.result(found, [`finding ${found.id} is ${owner}'s until ${found.until}`])
      },
    },
  )

  leaf<[string], { readonly note: string }>(review, world, {
    usage: 'close <finding>',
    summary: 'close a finding, and say what was done about it',
    example: 'holdfast audit review close 20261125-77aa01bc9d --note "key rotated"',
    options: [new Option('--note <text>', 'what was done').makeOptionMandatory()],
    async run({ hub, print }, { note }, id) {
      const closed = await hub.finding.close({ path: { finding: id }, body: { note } })
      await print.result(closed, [`finding ${id} is closed`])
    },
  })
}

function addPlans(review: Command, world: World): void {
  const plan = group(
    review,
    'plan',
    'reviews that are opened every week, month, quarter or year: list, save, remove',
    'holdfast audit review plan list',
  )

  leaf<[], object>(plan, world, {
    usage: 'list',
    summary: 'list the plans, and when each opens its next review',
    example: 'holdfast audit review plan list',
    async run({ hub, print }) {
      await print.table(
        hub.reviewPlan.list.pages(),
        [
          ['PLAN', (it) => it.name],
          ['EVERY', (it) => it.every],
          ['NEXT', (it) => it.nextTime],
          ['DUE DAYS', (it) => it.dueDays],
          ['SIZE', (it) => it.size],
          ['ROLE', (it) => it.role],
          ['THEN', (it) => it.escalatesTo],
          ['FILTER', (it) => JSON.stringify(it.filter)],
        ],
        'no plans: reviews are opened by hand alone',
      )
    },
  })

  leaf<[string], WishFlags & { readonly every: ReviewApi.PlanDraft['every']; readonly anchor?: string }>(plan, world, {
    usage: 'save <name>',
    summary: 'have reviews opened every week, month, quarter or year, or change that',
    example: 'holdfast audit review plan save access --every yearly --view access-changes --anchor 2027-01-04',
    options: [
      new Option('--every <cadence>', 'how often')
        .choices(['weekly', 'monthly', 'quarterly', 'yearly'])
        .makeOptionMandatory(),
      new Option('--anchor <time>', 'the first time; now unless told, and so the first is opened one turn from now'),
      ...wishOptions(),
    ],
    async run({ hub, print, world: here }, options, name) {
      const { every, anchor } = options
      const at = anchor === undefined ? {} : { anchor: readTime(anchor, here.now()) }
      const saved = await hub.reviewPlan.save({
        path: { name },
        body: { ...wishFrom(options, here.now()), every, ...at },
      })
      await print.result(saved, [`the plan ${saved.name} opens its next review at ${saved.nextTime}`])
    },
  })

  leaf<[string], object>(plan, world, {
    usage: 'remove <name>',
    summary: 'open no more reviews by a plan; those that are open stay',
    example: 'holdfast audit review plan remove access',
    async run({ hub, print }, _options, name) {
      await hub.reviewPlan.remove({ path: { name } })
      await print.result({ name, removed: true }, [`the plan ${name} is removed`])
    },
  })
}

function wishOptions(): readonly Option[] {
  return [
    ...filterOptions(),
    new Option('--view <name>', 'the filter of this saved view, as it is now'),
    new Option('--size <number>', 'entries that are drawn (25)').argParser(wholeNumber(1)),
    new Option('--due-days <days>', 'how long it may take (14)').argParser(wholeNumber(1)),
    new Option('--role <role>', 'whose task it is (auditor)'),
    new Option('--escalates-to <role>', 'whose, 14 days after it was due (administrator)'),
  ]
}

function wishFrom(flags: WishFlags, now: number): ReviewApi.ReviewDraft {
  const { view, size, dueDays, role, escalatesTo } = flags
  const filter = filterFrom(flags, now)
  return {
    ...(filter && { filter }),
    ...(view !== undefined && { view }),
    ...(size !== undefined && { size }),
    ...(dueDays !== undefined && { dueDays }),
    ...(role !== undefined && { role }),
    ...(escalatesTo !== undefined && { escalatesTo }),
  }
}

function reviewLines(it: ReviewApi.Review): readonly string[] {
  return [
    `${it.id}: ${it.state}${it.told === undefined ? '' : `, ${it.told}`}; due ${it.due}; ${it.role}, then ${it.escalatesTo}`,
    `entries ${it.first} to ${it.entries - 1}${it.matching === undefined ? '' : `, ${it.matching} of them match`}: ${JSON.stringify(it.filter)}`,
    `sample of ${it.sample.length} by the seed ${it.seed}: ${it.sample.join(' ')}`,
    `not signed for: ${it.unsigned.length === 0 ? 'nothing' : it.unsigned.join(' ')}`,
    ...it.signatures.map(({ by, time, entries, statement }) => `${by} signed for ${entries} at ${time}: ${statement}`),
    `findings: ${it.findings}`,
  ]
}
