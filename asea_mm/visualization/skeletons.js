// Skeletons on a canvas, to be turned (in space), moved (in an image), zoomed and pointed at; shared by the pages.
class SkeletonView {
  // clip: dimensions, keypoint[person][frame][joint] (coordinates or null), joints, bones, their usual length (bone),
  // colours, turn, pitch
  constructor(canvas, clip) {
    Object.assign(this, { canvas, clip, turn: clip.turn, pitch: clip.pitch, zoom: 1, shift: [0, 0], frame: 0 })
    this.context = canvas.getContext('2d')
    this.axes = [...Array(clip.dimensions).keys()]
    const low = this.axes.map(() => Infinity), high = this.axes.map(() => -Infinity)
    for (const point of this.seen()) {
      for (const axis of this.axes) {
        low[axis] = Math.min(low[axis], point[axis])
        high[axis] = Math.max(high[axis], point[axis])
      }
    }
    this.middle = this.axes.map(axis => low[axis] <= high[axis] ? (low[axis] + high[axis]) / 2 : 0)
    this.half = [1e-6, 1e-6]  // to the right and up; in space whichever way it is turned
    for (const point of this.seen()) {
      const [x, y, z] = this.axes.map(axis => point[axis] - this.middle[axis])
      this.half = [Math.max(this.half[0], Math.hypot(x, z || 0)), Math.max(this.half[1], Math.abs(y))]
    }
    canvas.onpointermove = event => this.point(event)
    canvas.onwheel = event => {
      event.preventDefault()
      this.zoom *= Math.exp(-event.deltaY / 1000)
      this.draw()
    }
    new ResizeObserver(() => this.draw()).observe(canvas)
  }

  * seen() {
    for (const frames of this.clip.keypoint) for (const joints of frames) for (const point of joints) if (point) yield point
  }

  get help() {
    return `drag to ${this.clip.dimensions == 3 ? 'turn' : 'move'}, wheel to zoom, point at a joint for its name`
  }

  measure() {  // what place() needs, once a picture: everything that is ever seen fits into the canvas
    const { clientWidth: width, clientHeight: height } = this.canvas
    const tall = this.clip.dimensions == 2 ? this.half[1]
      : Math.abs(Math.cos(this.pitch)) * this.half[1] + Math.abs(Math.sin(this.pitch)) * this.half[0]
    const fit = Math.min((width / 2 - 14) / this.half[0], (height / 2 - 14) / tall)
    this.scale = this.zoom * Math.max(fit, 1e-9)
    this.small = Math.max(0.5, Math.min(1, this.clip.bone * this.scale / 40))  // shrinks dots of small skeletons
    this.centre = [width / 2 + this.shift[0], height / 2 + this.shift[1]]
  }

  place(point) {  // in pixels; of an image y is down, in space it is up
    const [x, y, z] = this.axes.map(axis => point[axis] - this.middle[axis])
    const flat = this.clip.dimensions == 2
    const right = flat ? x : Math.cos(this.turn) * x + Math.sin(this.turn) * z
    const depth = flat ? 0 : Math.cos(this.turn) * z - Math.sin(this.turn) * x
    const down = flat ? y : Math.sin(this.pitch) * depth - Math.cos(this.pitch) * y
    return [this.centre[0] + this.scale * right, this.centre[1] + this.scale * down]
  }

  placed() {  // joints of every person now, null where they are missing
    return this.clip.keypoint.map(frames => frames[this.frame].map(point => point && this.place(point)))
  }

  line(from, to, colour, width, opacity) {
    if (!from || !to) return
    Object.assign(this.context, { globalAlpha: opacity, strokeStyle: colour, lineWidth: width, lineCap: 'round' })
    this.context.beginPath()
    this.context.moveTo(...from)
    this.context.lineTo(...to)
    this.context.stroke()
  }

  marker([x, y], person, size, edge, opacity = 1) {
    size *= this.small
    const count = [24, 4, 3, 5][person % 4], start = Math.PI / count + Math.PI / 2
    Object.assign(this.context, { globalAlpha: opacity, fillStyle: this.clip.colours[person] })
    this.context.beginPath()
    for (let k = 0; k < count; k++) {
      const angle = start + 2 * Math.PI * k / count
      this.context.lineTo(x + size * Math.cos(angle), y + size * Math.sin(angle))
    }
    this.context.closePath()
    this.context.fill()
    if (edge) {
      Object.assign(this.context, { strokeStyle: 'black', lineWidth: 1 })
      this.context.stroke()
    }
  }

  draw() {  // bones, then whatever the page adds
    const sharp = window.devicePixelRatio || 1
    this.canvas.width = this.canvas.clientWidth * sharp
    this.canvas.height = this.canvas.clientHeight * sharp
    this.context.scale(sharp, sharp)
    this.measure()
    const persons = this.placed()
    persons.forEach((joints, person) => {
      for (const [from, to] of this.clip.bones) {
        this.line(joints[from], joints[to], this.clip.colours[person], 1 + 2 * this.small, this.opacity(person))
      }
    })
    this.add(persons)
  }

  opacity() { return 0.6 }  // of a person's bones; these three are the page's

  add() {}

  about(person, joint) { return this.clip.joints[joint] }

  point(event) {
    if (event.buttons) {
      if (this.clip.dimensions == 2) {
        this.shift = [this.shift[0] + event.movementX, this.shift[1] + event.movementY]
      } else {
        this.turn -= event.movementX / 150
        this.pitch = Math.max(-1.5, Math.min(1.5, this.pitch + event.movementY / 150))
      }
      return this.draw()
    }
    this.canvas.title = ''
    this.placed().forEach((joints, person) => joints.forEach((joint, number) => {
      if (joint && Math.hypot(joint[0] - event.offsetX, joint[1] - event.offsetY) < 8) {
        this.canvas.title = this.about(person, number)
      }
    }))
  }
}

const element = name => document.getElementById(name)

function legend(parent, names, colours) {
  names.forEach((name, person) => {
    const entry = parent.appendChild(document.createElement('span'))
    entry.textContent = `${['●', '■', '▲', '⬟'][person % 4]} ${name}  `
    entry.style.color = colours[person]
  })
}
