/** Plausible telemetry of one machine: temperature and pressure follow its state, which changes now and then. Pure. */

export type MachineState = 'idle' | 'running' | 'alarm'

export interface Reading {
  /** °C */
  readonly temperature: number
  /** bar */
  readonly pressure: number
  readonly state: MachineState
}

const TARGETS: Readonly<Record<MachineState, { readonly temperature: number; readonly pressure: number }>> = {
  idle: { temperature: 24, pressure: 1.1 },
  running: { temperature: 61, pressure: 6.2 },
  alarm: { temperature: 88, pressure: 8.4 },
}

export class Machine {
  readonly #chance: () => number
  #state: MachineState = 'running'
  #temperature: number
  #pressure: number

  /** @param chance gives numbers from 0 to 1. */
  constructor(chance: () => number) {
    this.#chance = chance
    this.#temperature = 20 + chance() * 10
    this.#pressure = 1 + chance()
  }

  /** The next reading, some seconds after the last. */
  read(): Reading {
    this.#state = this.#nextState()
    const target = TARGETS[this.#state]
    this.#temperature += (target.temperature - this.#temperature) * 0.12 + (this.#chance() - 0.5) * 0.8
    this.#pressure += (target.pressure - this.#pressure) * 0.2 + (this.#chance() - 0.5) * 0.12
    return {
      temperature: Math.round(this.#temperature * 100) / 100,
      pressure: Math.round(Math.max(0, this.#pressure) * 1000) / 1000,
      state: this.#state,
    }
  }

  #nextState(): MachineState {
    const roll = this.#chance()
    switch (this.#state) {
      case 'idle':
        return roll < 0.1 ? 'running' : 'idle'
      case 'running':
        return roll < 0.01 ? 'alarm' : roll < 0.04 ? 'idle' : 'running'
      case 'alarm':
        return roll < 0.2 ? 'idle' : 'alarm'
    }
  }
}
